export type Tone = 'good' | 'busy' | 'wait' | 'bad' | 'unsure' | 'quiet';
