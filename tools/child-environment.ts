/** The environment a process gets that we start: what any program needs to be found and to find its folders (Node's
 *  compiled modules among them), and the variables it is given by name. Nothing else of ours: a proxy, a real tenant's
 *  settings or a terminal's FORCE_COLOR would make it behave differently on each machine. */
export function childEnvironment(
  variables: Readonly<Record<string, string | undefined>> = {},
): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TZ, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, LANG, TZ, TMPDIR, NODE_COMPILE_CACHE, ...variables };
}
