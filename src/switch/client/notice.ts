/** Something that whoever runs the agent should hear of; never holds the token. */
export interface SwitchNotice {
  kind:
    | "refused" // 401 or 403: the lease has ended
    | "lost-order" // the switch no longer knows an order that this agent has heard
    | "other-series" // another switch, or another data file, under the address
    | "malformed" // a message that cannot be read
    | "unreachable" // no address answers
    | "not-reported" // a report or a trip was not taken
    | "mistake"; // something of the agent's own threw
  message: string;
}
