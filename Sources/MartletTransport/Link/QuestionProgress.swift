/// Whether the latest question to a peer is still on its way, behind what was written before it. A pure value.
///
/// A peer can't answer what it has not got: with a large message on a slow link that takes longer than a peer may be silent.
/// So as long as what is before the question goes on arriving, the silence is none of the peer's.
package struct QuestionProgress: Sendable {
    /// How many bytes the link carries up to the end of the latest question.
    private var question = 0
    /// How many of them had arrived when this was looked at last.
    private var arrived = 0

    package init() {}

    /// A question was put behind what is written.
    package mutating func asked(upTo position: Int) { question = position }

    /// - Parameter arrived: how many bytes have arrived at the peer's system.
    /// - Returns: whether more of them have than before, and the question is still behind those that come next.
    package mutating func advances(to arrived: Int) -> Bool {
        defer { self.arrived = max(self.arrived, arrived) }
        return arrived > self.arrived && arrived < question
    }
}
