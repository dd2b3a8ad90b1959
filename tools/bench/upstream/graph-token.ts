/** A real Graph token's size, in characters. */
export const graphTokenSize = 2048;

/** How every token that the bench's Entra hands out begins. A JWS header, so that whoever looks at one sees
 *  what looks like a token. */
export const graphTokenPrefix = `${Buffer.from('{"typ":"JWT","alg":"RS256"}').toString('base64url')}.`;

/** One for those who sign nobody in. */
export const fixedGraphToken = graphTokenPrefix.padEnd(graphTokenSize, 'A');
