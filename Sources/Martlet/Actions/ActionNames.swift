/// The queues and topics of an action, as commlib-py names them.
struct ActionNames: Sendable {
    let action: QueueName
    let sendGoal: QueueName
    let cancelGoal: QueueName
    let getResult: QueueName
    let status: TopicName
    let feedback: TopicName

    init(_ action: QueueName) {
        self.action = action
        sendGoal = QueueName("\(action.text).send_goal")
        cancelGoal = QueueName("\(action.text).cancel_goal")
        getResult = QueueName("\(action.text).get_result")
        status = TopicName("\(action.text).status")
        feedback = TopicName("\(action.text).feedback")
    }

    /// All of the action's topics, so that one subscription keeps feedback and status in order.
    var topics: TopicPattern { TopicPattern("\(action.text).*") }
}
