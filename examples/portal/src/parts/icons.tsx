import type { ComponentChildren } from 'preact';
import type { Tone } from './tone.ts';

// What an icon says stands in words beside it, so none of them is read out.
function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

/** The shape of each tone: colour alone would not do. */
export function ToneIcon({ tone }: { tone: Tone }) {
  switch (tone) {
    case 'good':
      return (
        <Icon>
          <circle cx="10" cy="10" r="9" class="icon-ground" />
          <path d="M5.8 10.4l2.8 2.8 5.6-6" class="icon-line" />
        </Icon>
      );
    case 'busy':
      return (
        <Icon>
          <circle cx="10" cy="10" r="9" class="icon-ground" />
          <path d="M5.6 10h8.2M10.4 6.4L14 10l-3.6 3.6" class="icon-line" />
        </Icon>
      );
    case 'wait':
      return (
        <Icon>
          <circle cx="10" cy="10" r="9" class="icon-ground" />
          <path d="M10 5.2V10l3.2 2.2" class="icon-line" />
        </Icon>
      );
    case 'bad':
      return (
        <Icon>
          <circle cx="10" cy="10" r="9" class="icon-ground" />
          <path d="M6.7 6.7l6.6 6.6M13.3 6.7l-6.6 6.6" class="icon-line" />
        </Icon>
      );
    case 'unsure':
      return (
        <Icon>
          <path d="M10 1.2l8.8 8.8-8.8 8.800L1.2 10z" class="icon-ground" />
          <path d="M7.7 8.2a2.3 2.3 0 1 1 3.3 2.1c-.7.3-1 .7-1 1.400M10 13.900v.1" class="icon-line" />
        </Icon>
      );
    case 'quiet':
      return (
        <Icon>
          <circle cx="10" cy="10" r="8.2" class="icon-ring" />
          <path d="M6 10h8" class="icon-line" />
        </Icon>
      );
  }
}

/** The portal's own mark. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <path
        d="M9 15l-1.6 1.6a3.4 3.4 0 0 1-4.8-4.800l3-3a3.4 3.4 0 0 1 4.8 0M15 9l1.6-1.6a3.4 3.4 0 0 1 4.8 4.800l-3 3a3.4 3.4 0 0 1-4.8 0"
        class="mark-line"
      />
      <path d="M8.5 3.500l1 2.500M15.5 20.500l-1-2.5" class="mark-line mark-spark" />
    </svg>
  );
}
