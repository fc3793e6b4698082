// Names and contracts below a base, so that what a program says of its topics holds wherever it runs.

extension TopicName {
    /// The name with all of another one before it: `TopicName("lamp.power").below("house.kitchen")` is
    /// `house.kitchen.lamp.power`.
    public func below(_ base: TopicName) -> TopicName { TopicName(name.below(base.name)) }
}

extension QueueName {
    /// The name with all of another one before it.
    public func below(_ base: TopicName) -> QueueName { QueueName(name.below(base.name)) }
}

extension Topic {
    /// The same contract for the topic of its name below another one.
    public func below(_ base: TopicName) -> Topic { Topic(name.below(base)) }
}

extension TopicFilter {
    /// The same contract for the topics of its pattern below a name.
    public func below(_ base: TopicName) -> TopicFilter { TopicFilter(pattern.below(base)) }
}

extension Queue {
    /// The same contract for the queue of its name below another one.
    public func below(_ base: TopicName) -> Queue { Queue(name.below(base)) }
}

extension RPC {
    /// The same contract for the procedure of its name below another one.
    public func below(_ base: TopicName) -> RPC { RPC(name.below(base)) }
}

extension StreamingRPC {
    /// The same contract for the procedure of its name below another one.
    public func below(_ base: TopicName) -> StreamingRPC { StreamingRPC(name.below(base)) }
}

extension Action {
    /// The same contract for the action of its name below another one.
    public func below(_ base: TopicName) -> Action { Action(name.below(base)) }
}
