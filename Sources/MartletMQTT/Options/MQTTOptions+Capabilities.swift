package import Martlet

extension MQTTOptions {
    /// What a connection with these options gives: known before there is one.
    package var capabilities: Capabilities {
        var capabilities: Capabilities = [
            .retain, .confirmedPublish, .exactlyOnce, .headers, .sharedSubscriptions,
        ]
        if version == .v5 {
            capabilities.formUnion([.expiry, .responderDetection, .noLocal, .separateHeaders, .retainAsPublished])
        }
        if session != .clean { capabilities.insert(.lastingSubscriptions) }
        return capabilities
    }
}
