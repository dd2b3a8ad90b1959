import { createContext } from 'preact';

/** Opens the sign-in window: call it from a click, or the browser blocks it. */
export const SignInContext = createContext<(() => Promise<void>) | null>(null);
