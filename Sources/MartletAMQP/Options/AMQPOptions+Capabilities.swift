package import Martlet

extension AMQPOptions {
    /// What every connection gives: known before there is one.
    package static let capabilities: Capabilities = [
        .confirmedPublish, .durableQueues, .redelivery, .responderDetection, .expiry, .headers, .separateHeaders,
        .lastingSubscriptions, .durableSubscriptions, .sharedSubscriptions,
    ]
}
