/** The first row of a statement that gives one, whatever it finds. Throws where there is none: a defect of ours. */
export function firstRow<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('a statement that always gives a row gave none');
  return row;
}
