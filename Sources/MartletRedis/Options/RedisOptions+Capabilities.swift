package import Martlet

extension RedisOptions {
    /// What every connection gives: known before there is one.
    package static let capabilities: Capabilities = [.redelivery, .headers, .expiry, .responderDetection]
}
