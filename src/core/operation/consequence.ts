/** What a disconnect call would come to. */
export type Would = 'disconnect' | 'ask_for_approval' | 'be_refused' | 'repeat_first_answer';

/** What happens, in words for the people who decide about it, and whether anything brings it back. */
export type Consequence = { readonly consequence: string; readonly irreversible: boolean };

/** What carrying a disconnect out does. Whoever asks, approves or executes reads these same words. */
export const consequenceOfAct: Consequence = {
  consequence:
    "Intune's connection to Google's ChromeOS management is ended. All ChromeOS devices and the connector's settings leave Intune. This cannot be undone.",
  irreversible: true,
};

const consequences: Readonly<Record<Would, Consequence>> = {
  disconnect: consequenceOfAct,
  ask_for_approval: {
    consequence: `Nothing is sent yet: a second person is asked to approve, and after that you can carry it out or withdraw it. When you carry it out: ${consequenceOfAct.consequence}`,
    irreversible: false,
  },
  repeat_first_answer: {
    consequence:
      'This request was sent before, with this idempotency key: its first answer is given again, and nothing is done.',
    irreversible: false,
  },
  be_refused: { consequence: 'The call is refused, and nothing is done.', irreversible: false },
};

/** What a call does that comes to this. */
export function consequenceOf(would: Would): Consequence {
  return consequences[would];
}
