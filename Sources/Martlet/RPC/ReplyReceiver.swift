/// Who waits for what comes to the reply address under one correlation ID.
protocol ReplyReceiver: AnyObject, Sendable {
    /// Takes a reply. Called from whatever thread it arrived on; it must be short.
    func receive(_ reply: Message)
    /// No more replies will come, for that reason.
    func fail(_ error: any Error)
}
