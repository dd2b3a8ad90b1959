import { SettingsError } from '../../settings/settings-error.ts';

export type Program<Command> = {
  readonly usage: string;
  /** The parsed arguments; `null` if they are not understood. What Node's `parseArgs` throws says the same. */
  readonly parse: (args: string[]) => Command | null;
  /** Runs the command and gives the exit code. */
  readonly main: (command: Command) => Promise<number>;
  /** The message for an unexpected failure. */
  readonly failed: (message: string) => string;
};

/** Runs an operator's program: 2 and the usage for a call it does not understand, 1 where it failed, else what it
 *  says itself. */
export async function runProgram<Command>({ usage, parse, main, failed }: Program<Command>): Promise<void> {
  try {
    const command = understood(parse);
    if (command === null) console.error(usage);
    process.exitCode = command === null ? 2 : await main(command);
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown error';
    console.error(error instanceof SettingsError ? message : failed(message));
    process.exitCode = 1;
  }
}

function understood<Command>(parse: Program<Command>['parse']): Command | null {
  try {
    return parse(process.argv.slice(2));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('ERR_PARSE_ARGS_')) return null;
    throw error;
  }
}
