/// The queues and topics of an action, as commlib-py names them.
struct ActionNames: Sendable {
    let action: QueueName
    let sendGoal: QueueName
    let cancelGoal: QueueName
    let getResult: QueueName
    let status: TopicName
    let feedback: TopicName

    /// What the longest name ends with that is made of an action's.
    static let longestEnding = "cancel_goal.\(QueueName.cancellationSegment)"

    init(_ action: QueueName) {
        self.action = action
        sendGoal = action.appending("send_goal")
        cancelGoal = action.appending("cancel_goal")
        getResult = action.appending("get_result")
        status = TopicName(action).appending("status")
        feedback = TopicName(action).appending("feedback")
    }

    /// All of the action's topics, so that one subscription keeps feedback and status in order.
    var topics: TopicPattern { TopicPattern(segments: action.segments.map(TopicPattern.Segment.literal) + [.one]) }
}
