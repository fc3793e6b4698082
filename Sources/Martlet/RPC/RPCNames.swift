extension QueueName {
    /// Where callers say that they no longer wait: every responder of the queue listens there, since a caller
    /// can't know which of them has its request, or whether any has it yet.
    var cancellationTopic: TopicName { TopicName(self).appending(Self.cancellationSegment) }

    /// What the longest name ends with that is made of an RPC's.
    static let cancellationSegment = "_cancel"
}
