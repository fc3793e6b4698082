import Synchronization

// What a transport tells the runtime of its connection: when there is a link, when there is none, and that it is over.
extension ConnectionRuntime {
    /// The runtime of a connection that has no link yet: ``ConnectionState/connecting``.
    public convenience init(options: ConnectionOptions) {
        self.init(options)
    }

    /// The connection has a link, and what was open on it is restored. Ignored once it is closed.
    ///
    /// To be said after the transport itself takes messages for the link: those who watch ``Connection/states()`` send at
    /// once.
    public func linkOpened() {
        states.set(.connected)
    }

    /// The link was lost: calls in flight end with ``MessagingError/Code/connectionLost``, since their replies can't find
    /// back. Ignored while the connection closes.
    ///
    /// To be said after the transport itself takes no more messages for the link: whoever sees
    /// ``ConnectionState/disconnected`` must not be able to publish.
    ///
    /// - Parameter cause: what the system or the broker said, if anything.
    public func linkLost(because cause: (any Error)? = nil) {
        guard !isLeaving.load(ordering: .sequentiallyConsistent) else { return }
        linkLost(
            MessagingError(.connectionLost, "the link was lost while the call waited for its reply", cause: cause)
        )
    }

    /// What a verb throws that finds no link: ``MessagingError/Code/connectionClosed`` if the connection is closing or
    /// closed, otherwise ``MessagingError/Code/notConnected``.
    public var missingLink: MessagingError {
        isClosing ? .closed : .offline
    }

    /// The connection lets its link go, for good: what was open on it ends by that from now on.
    package func beginLeaving() { isLeaving.store(true, ordering: .sequentiallyConsistent) }

    /// Whether the connection lets its link go, or is closed.
    var isClosing: Bool { isLeaving.load(ordering: .sequentiallyConsistent) || states.state == .closed }

    /// Closes the connection: all that ``Connection/close()`` of a transport has to do.
    ///
    /// What the patterns have still to say, such as that a call was cancelled, is sent first, over the link and within a
    /// second. Then `leave` runs. Then calls in flight fail with ``MessagingError/Code/connectionClosed``, ``Connection/states()``
    /// end, and nothing of the runtime is left running. Whoever calls it again, meanwhile or later, waits for the same end.
    /// It is done in full also where the calling task is cancelled.
    ///
    /// - Parameter leave: says farewell to the broker, finishes the feeds of the subscriptions, fails what waits for the
    ///   broker with ``missingLink``, and lets the link go. It bounds its own waiting; it may use the connection's actor.
    public func close(_ leave: @escaping @Sendable () async -> Void) async {
        let task = closing.withLock { closing in
            if let closing { return closing }
            // Not by the task that closes, which may have been cancelled: this has to run all the same.
            let task = Task { [self] in
                await sendNotices()
                beginLeaving()
                await leave()
                await close(MessagingError.closed)
            }
            closing = task
            return task
        }
        await task.value
    }
}
