/// What is wrong with a packet. It ends the link: what follows it can't be trusted either.
struct PacketFault: Error, Equatable, Sendable {
    let problem: String

    init(_ problem: String) {
        self.problem = problem
    }
}
