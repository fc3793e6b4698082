extension QueueName {
    /// Where callers say that they no longer wait: every responder of the queue listens there, since a caller
    /// can't know which of them has its request, or whether any has it yet.
    var cancellationTopic: TopicName { TopicName("\(text)._cancel") }
}
