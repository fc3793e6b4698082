extension MemoryBroker {
    /// What every connection gives: known before there is one.
    package static let capabilities: Capabilities = [
        .retain, .confirmedPublish, .exactlyOnce, .redelivery, .responderDetection, .replyDetection, .expiry,
        .separateHeaders, .headers, .retainAsPublished, .sharedSubscriptions,
    ]
}
