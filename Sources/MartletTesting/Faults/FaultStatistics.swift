/// What a ``FaultyConnection`` has done so far.
public struct FaultStatistics: Sendable, Hashable {
    /// Messages that passed it, whatever became of them.
    public var messages = 0
    /// Messages made late.
    public var delayed = 0
    /// Messages repeated.
    public var duplicated = 0
    /// Messages held back so that others overtook them.
    public var reordered = 0
    /// Messages dropped; from a queue, put back.
    public var dropped = 0
    /// Times it took the link away.
    public var cuts = 0
    /// Times the link went silent before.
    public var silences = 0
}
