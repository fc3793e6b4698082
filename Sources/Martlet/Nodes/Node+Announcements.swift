import Logging

extension Node {
    // MARK: Alive

    /// Says that the node is alive, at once and at each interval, until cancelled: also while work in hand is being
    /// finished, and while the node is stopped.
    func beat(_ options: HeartbeatOptions) async throws {
        let timers = connection.runtime.timers
        let topic = Topic<Heartbeat>(options.topic ?? nodeName.heartbeat)
        var schedule = TickSchedule(start: timers.now, interval: options.interval)
        var lastLogged: Duration?
        while true {
            do {
                try await connection.publish(Heartbeat(), to: topic)
            } catch let error as MessagingError where error.code != .connectionClosed {
                if lastLogged.map({ timers.now - $0 >= .seconds(60) }) ?? true {
                    lastLogged = timers.now
                    runner.logger.warning("a heartbeat was not sent", metadata: ["error": "\(error)"])
                }
            }
            _ = schedule.advance(at: timers.now)
            try await timers.sleep(until: schedule.time)
        }
    }

    // MARK: Online

    /// The will that a node's connection is to be made with, so that the broker says that the node is offline when it
    /// is lost: `0`, retained, where the node announces itself.
    ///
    /// ```swift
    /// let connection = try await broker.connect(options: ConnectionOptions(will: Node.will(for: "arm")))
    /// let node = Node("arm", on: connection, options: NodeOptions(online: .standard)) { … }
    /// ```
    ///
    /// - Parameters:
    ///   - name: the node's name.
    ///   - announcement: the node's ``NodeOptions/online``.
    ///   - base: the node's ``NodeOptions/base``.
    public static func will(
        for name: String,
        announcement: OnlineAnnouncement = .standard,
        base: TopicName? = nil
    ) -> Will {
        will(for: NodeName(name, base: base), announcement)
    }

    /// The will that the connection of a node is to be made with whose name has segments.
    ///
    /// - Parameters:
    ///   - name: the node's name.
    ///   - announcement: the node's ``NodeOptions/online``.
    ///   - base: the node's ``NodeOptions/base``.
    public static func will(
        for name: TopicName,
        announcement: OnlineAnnouncement = .standard,
        base: TopicName? = nil
    ) -> Will {
        will(for: NodeName(name, base: base), announcement)
    }

    private static func will(for name: NodeName, _ announcement: OnlineAnnouncement) -> Will {
        Will(topic: announcement.topic ?? name.online, message: OnlineAnnouncement.absent)
    }

    private var onlineTopic: TopicName { options.online?.topic ?? nodeName.online }

    /// Warns where the broker goes on saying that the node is online after it has crashed.
    func warnIfNobodyWillSayThatItIsGone() {
        guard options.online != nil else { return }
        let will = connection.runtime.options.will
        guard will?.topic != onlineTopic || will?.retain == false else { return }
        runner.logger.warning(
            "the node says that it is online, and the connection's will does not take that back: make it with Node.will(for:)",
            metadata: ["topic": "\(onlineTopic)", "will": .string(will?.topic.text ?? "none")]
        )
    }

    /// Says that the node is online, once its components can be found or it has been stopped before that, and whenever the
    /// link is back, for then the broker has published the will; and at intervals, if it is to.
    func announceOnline() async throws {
        guard try await runner.waitUntilSettled() else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await state in self.connection.states() where state == .connected { try await self.sayOnline() }
            }
            if let interval = options.online?.interval {
                group.addTask {
                    while true {
                        try await self.connection.runtime.timers.sleep(for: interval)
                        if self.connection.state == .connected { try await self.sayOnline() }
                    }
                }
            }
            while try await group.next() != nil {}
        }
    }

    private func sayOnline() async throws {
        do {
            try await connection.publish(
                OnlineAnnouncement.present,
                to: onlineTopic,
                options: PublishOptions(retain: true)
            )
        } catch let error as MessagingError where error.code == .notConnected {
            // The link went in this moment; it is announced when it is back.
        }
    }

    /// Says that the node is offline. Without a link the broker has said so already.
    func announceOffline() async {
        await atLast { [connection, onlineTopic] in
            try await connection.publish(
                OnlineAnnouncement.absent,
                to: onlineTopic,
                options: PublishOptions(retain: true)
            )
        }
    }

    /// Says a last word, for five seconds at most.
    func atLast(_ say: @escaping @Sendable () async throws -> Void) async {
        let timers = connection.runtime.timers
        // A listener of this process that is slow holds a publish up; the end of a node does not wait for it for long.
        await shielded {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await say() }
                group.addTask { try? await timers.sleep(for: .seconds(5)) }
                await group.next()
                group.cancelAll()
            }
        }
    }
}

/// Where a node says whether it is there: `1` when it has started, after each reconnect and, on request, at intervals; `0` when
/// it has ended.
///
/// Both are retained, so that a later subscriber knows at once; the broker must have ``Capabilities/retain``. A node
/// that crashes says nothing: for that its connection needs the node's will: `Node.will(for:)`.
public struct OnlineAnnouncement: Sendable, Hashable {
    /// Where; `nil`: on `<node>.online`.
    public var topic: TopicName?
    /// After how long `1` is said again, for those who take silence for absence, or a broker that has lost what it kept;
    /// `nil`: not before the link is lost and back.
    public var interval: Duration?

    /// On `<node>.online`.
    public static let standard = OnlineAnnouncement()

    /// On a topic of one's own.
    public static func on(_ topic: TopicName) -> OnlineAnnouncement {
        OnlineAnnouncement(topic: topic)
    }

    /// Again and again.
    ///
    /// - Parameters:
    ///   - interval: after how long `1` is said again.
    ///   - topic: where; by default on `<node>.online`.
    public static func every(_ interval: Duration, on topic: TopicName? = nil) -> OnlineAnnouncement {
        OnlineAnnouncement(topic: topic, interval: interval)
    }

    func validate() throws {
        try topic?.validate()
        guard let interval, interval <= .zero else { return }
        throw MessagingError(
            .invalidArgument,
            "the interval of a node's online announcement is \(interval); it must be positive"
        )
    }

    static let present = Message("1")
    static let absent = Message("0")
}
