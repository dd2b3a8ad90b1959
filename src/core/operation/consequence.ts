/** What a disconnect call would come to. */
export const effects = ['disconnect', 'ask_for_approval', 'be_refused', 'repeat_first_answer'] as const;
export type Effect = (typeof effects)[number];

/** What happens, for the people who decide about it, and whether it can be undone. */
export type Consequence = { readonly consequence: string; readonly irreversible: boolean };

/** What carrying a disconnect out does. Requesters and approvers read the same text. */
export const consequenceOfAct: Consequence = {
  consequence:
    "Intune's connection to Google's ChromeOS management is ended. All ChromeOS devices and the connector's settings leave Intune. This cannot be undone.",
  irreversible: true,
};

const consequences: Readonly<Record<Effect, Consequence>> = {
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

/** The consequence of a call that would do this. */
export function consequenceOf(effect: Effect): Consequence {
  return consequences[effect];
}
