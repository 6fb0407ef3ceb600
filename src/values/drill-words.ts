/** How the release of a rehearsal gives its reason, beside the mark; a drill's says otherwise, and carries a digest. */
export const REHEARSAL_OVER = "rehearsal over";

/** How a trouble of a drill begins that left something written: whatever else was not tried, such a drill failed. */
export const NOT_TAKEN_BACK = "not taken back: ";
