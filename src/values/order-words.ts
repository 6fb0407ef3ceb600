/** How the release of a rehearsal gives its reason, beside the mark; a drill's says otherwise, and carries a digest. */
export const REHEARSAL_OVER = "rehearsal over";
