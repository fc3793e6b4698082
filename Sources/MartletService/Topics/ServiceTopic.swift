public import Martlet

/// A topic, or a pattern of topics, as a service writes it: below the service's base unless it is global.
///
/// ```swift
/// Handle("sms/send/#") { (text: String, number: String) in … }              // service/gadget/sms/send/#
/// try await service.publish(21.5, to: "temperature")                        // service/gadget/temperature
/// try await service.publish(true, to: .global("house/alive"))               // house/alive
/// ```
///
/// A text with a `/` or `+` is in MQTT's own form; any other is in that of `TopicName`, with dots.
public struct ServiceTopic: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The text.
    public let text: String
    /// Whether it is a whole name, rather than one below the service's base.
    public let isGlobal: Bool

    private init(_ text: String, isGlobal: Bool) {
        self.text = text
        self.isGlobal = isGlobal
    }

    /// A topic below the service's base.
    public init(_ text: String) { self.init(text, isGlobal: false) }

    /// A topic below the service's base.
    public init(stringLiteral text: String) { self.init(text) }

    /// A topic that is not below the service's base.
    public static func global(_ text: String) -> ServiceTopic { ServiceTopic(text, isGlobal: true) }

    private var form: NameForm { text.utf8.contains { "/+".utf8.contains($0) } ? .mqtt : .text }

    /// A topic below this one.
    package func appending(_ words: [String]) -> ServiceTopic {
        let separator = form.separator == NameForm.mqtt.separator ? "/" : "."
        return ServiceTopic(([text] + words).joined(separator: separator), isGlobal: isGlobal)
    }

    /// The topic's name, below a service's base unless it is global.
    public func name(below base: TopicName) -> TopicName {
        let name = form.separator == NameForm.mqtt.separator ? TopicName(mqtt: text) : TopicName(text)
        return isGlobal ? name : name.below(base)
    }

    /// The topics that it stands for, without the service's base.
    var pattern: TopicPattern {
        form.separator == NameForm.mqtt.separator ? TopicPattern(mqtt: text) : TopicPattern(text)
    }

    /// The topics that it stands for.
    func pattern(below base: TopicName) -> TopicPattern { isGlobal ? pattern : pattern.below(base) }

    /// What its `#` stands for, in the form that the text has.
    func text(ofRest segments: [String]) -> String { segments.isEmpty ? "" : form.text(of: segments) }
}

extension ServiceTopic: CustomStringConvertible {
    /// The text.
    public var description: String { text }
}
