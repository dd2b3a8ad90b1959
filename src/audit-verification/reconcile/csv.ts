/** The records of a CSV text (RFC 4180), each by the names in the first one. Throws where a quote is never closed or a
 *  record has more fields than the first one. */
export function parseCsv(text: string): Record<string, string>[] {
  const [names = [], ...records] = fieldsOf(text.replace(/^\uFEFF/, ''));
  return records.map((fields, index) => {
    if (fields.length > names.length)
      throw new Error(`record ${index + 2} has more fields than the first line names`);
    return Object.fromEntries(fields.map((field, at) => [String(names[at]).trim(), field]));
  });
}

function fieldsOf(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|\r|$)/y;
  while (field.lastIndex < text.length) {
    const at = field.lastIndex;
    const match = field.exec(text);
    if (match === null) throw new Error(`the CSV cannot be read from character ${at} on`);
    const [, raw = '', end] = match;
    record.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === ',') {
      // A comma at the very end leaves one more field, which is empty.
      if (field.lastIndex === text.length) record.push('');
      else continue;
    }
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  }
  if (record.length > 0) records.push(record);
  return records;
}
