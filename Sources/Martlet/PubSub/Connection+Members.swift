extension Connection {
    /// Publishes each member of a value on a topic of its own: `["temperature": 21.5, "fan": ["speed": 2]]` below `house` is
    /// 21.5 on `house.temperature` and 2 on `house.fan.speed`.
    ///
    /// The members are those that the value has as JSON, in the order of their keys. An object goes on below; a list is published
    /// as one value. Topics are published to one after the other.
    ///
    /// - Parameters:
    ///   - value: an object: a type with members, or a dictionary.
    ///   - base: the topic that all of them are below.
    ///   - options: how each is published.
    ///   - codec: what each is written with; `nil`: with the connection's.
    /// - Throws: as ``publish(_:to:options:)-(Message,_,_)``, for the first that can't be published: those after it are not.
    ///   ``MessagingError/Code/encodingFailed`` for a value without members.
    public nonisolated func publish<Value: Encodable>(
        membersOf value: Value,
        below base: TopicName,
        options: PublishOptions = PublishOptions(),
        codec: (any Codec)? = nil
    ) async throws {
        for (topic, member) in try JSON(encoding: value).members(below: base) {
            try await publish(member, to: Topic(topic), options: options, codec: codec)
        }
    }
}

extension MultiTopicPublisher {
    /// Publishes each member of a value on a topic of its own, unless the filter holds it back; see
    /// ``Connection/publish(membersOf:below:options:codec:)``.
    ///
    /// - Returns: how many were published.
    /// - Throws: as that.
    @discardableResult
    public func publish(membersOf value: Value, below base: TopicName) async throws -> Int {
        var published = 0
        for (topic, member) in try JSON(encoding: value).members(below: base) {
            if try await publish(encoding: member, to: topic) { published += 1 }
        }
        return published
    }
}

extension JSON {
    /// What stands at the ends of an object, each with its topic.
    package func members(below base: TopicName) throws -> [(topic: TopicName, value: JSON)] {
        guard case .object(let members) = self else {
            throw MessagingError(.encodingFailed, "the value has no members that could be published below \(base)")
        }
        return try members.sorted { $0.key < $1.key }.flatMap { key, member in
            let topic = base.appending(key)
            if case .object = member { return try member.members(below: topic) }
            return [(topic, member)]
        }
    }
}
