/// What the header frame of a message says. An object, since what has fourteen fields is not copied for nothing.
final class ContentHeader: Sendable {
    let bodySize: UInt64
    let properties: AMQPProperties

    init(bodySize: UInt64, properties: AMQPProperties) {
        self.bodySize = bodySize
        self.properties = properties
    }
}
