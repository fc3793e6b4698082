public import Martlet

/// Makes Carbon's lines of messages whose bodies are JSON: of `{"temperature": 21.5}` on `zigbee2mqtt.kitchen` the line
/// `zigbee.kitchen.temperature 21.5 1700000000`.
///
/// ```swift
/// let metrics = try MetricMapping(name: "zigbee.{1}.{field}", fields: ["temperature", "humidity"])
/// let devices: TopicPattern = "zigbee2mqtt.*"
/// try await Bridge(from: mqtt, to: carbon, name: "metrics") {
///     Forward(devices, options: RouteOptions(retain: .none)) { delivery in
///         try metrics.message(for: delivery.message, on: delivery.topic, matching: devices)
///     }
/// }.run()
/// ```
public struct MetricMapping: Sendable, Hashable {
    private let name: MetricTemplate
    private let fields: [[String]]
    private let tags: [Tag]
    private let time: [String]?

    private struct Tag: Sendable, Hashable {
        let name: String
        let value: MetricTemplate
    }

    /// A mapping.
    ///
    /// - Parameters:
    ///   - name: what the metrics are called: text with `{1}`, `{2}`, … for what each `*` of the filter matched, `{rest}` for
    ///     what its `#` matched, `{topic}` and `{field}`.
    ///   - fields: which members of the body are metrics; a member of a member is written with a dot. None: all that are
    ///     numbers or truth values, however deep. A named one may be text that is a number.
    ///   - tags: tags of all metrics. Their values are made as names are.
    ///   - time: the member that says when that was, in seconds or milliseconds since 1970; `nil`: now.
    /// - Throws: `MessagingError.Code.invalidArgument` for a name, a field or a tag that can't be one.
    public init(
        name: String = "{topic}.{field}",
        fields: [String] = [],
        tags: [String: String] = [:],
        time: String? = nil
    ) throws {
        self.name = try MetricTemplate(name)
        self.fields = try fields.map(Self.path)
        guard self.name.tellsFields || fields.count == 1 else {
            throw MessagingError(
                .invalidArgument,
                "the name of a metric \(quoted(name)) has no {field}, and would be that of several values"
            )
        }
        self.tags = try tags.sorted { $0.key < $1.key }.map { name, value in
            guard MetricName.isTag(name) else {
                throw MessagingError(.invalidArgument, "\(quoted(name)) can't be the name of a tag")
            }
            return Tag(name: name, value: try MetricTemplate(value))
        }
        self.time = try time.map(Self.path)
    }

    private static func path(_ text: String) throws -> [String] {
        let path = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty }) else {
            throw MessagingError(.invalidArgument, "\(quoted(text)) is no path of members with dots between them")
        }
        return path
    }

    /// Checks that a filter gives all that the names ask for.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it does not.
    public func validate(for pattern: TopicPattern) throws {
        let stars = pattern.segments.count { if case .one = $0 { true } else { false } }
        let hasRest = if case .rest = pattern.segments.last { true } else { false }
        for template in [name] + tags.map(\.value) {
            if template.lastCapture > stars {
                throw MessagingError(
                    .invalidArgument,
                    "\(quoted(template.text)) asks for {\(template.lastCapture)}; \(quoted(pattern.text)) has \(stars) '*'"
                )
            }
            if template.usesRest, !hasRest {
                throw MessagingError(
                    .invalidArgument,
                    "\(quoted(template.text)) asks for {rest}; \(quoted(pattern.text)) has no '#'"
                )
            }
        }
    }

    /// The lines for a message, as a message of its own; `nil` if none of its members is a metric.
    ///
    /// - Parameters:
    ///   - message: a body of JSON: an object, or a number alone.
    ///   - topic: where it came from.
    ///   - pattern: the filter that it came by.
    ///   - seconds: the time since 1970 for what has none of its own; `nil`: now.
    /// - Throws: `MessagingError.Code.decodingFailed` if the body is no JSON, or the member for the time is none.
    public func message(
        for message: Message,
        on topic: TopicName,
        matching pattern: TopicPattern,
        at seconds: Int? = nil
    ) throws -> Message? {
        let body = try JSON(parsing: message.body)
        let time =
            try time.map { try Self.seconds(body, at: $0) } ?? seconds ?? Int(WallClock.nanoseconds / 1_000_000_000)
        var source = MetricTemplate.Source(
            topic: topic,
            captures: pattern.captures(in: topic) ?? [],
            rest: pattern.rest(of: topic) ?? []
        )
        var lines = ""
        for (path, value) in values(in: body) {
            source.field = path
            let metric = name.name(of: source)
            guard !metric.isEmpty else { continue }
            lines += metric
            for tag in tags {
                // A tag without a value is none.
                let value = tag.value.name(of: source)
                if !value.isEmpty { lines += ";\(tag.name)=\(value)" }
            }
            lines += " \(value) \(time)\n"
        }
        guard !lines.isEmpty else { return nil }
        var headers = message.headers
        headers.contentType = nil
        return Message(lines, headers: headers)
    }

    // MARK: Values

    private func values(in body: JSON) -> [(path: [String], value: String)] {
        guard !fields.isEmpty else {
            var found: [(path: [String], value: String)] = []
            Self.collect(body, at: [], into: &found)
            return found
        }
        return fields.compactMap { path in
            Self.member(path, of: body).flatMap { Self.number($0, readsText: true) }.map { (path, $0) }
        }
    }

    private static func collect(_ value: JSON, at path: [String], into found: inout [(path: [String], value: String)]) {
        if let number = number(value, readsText: false) { return found.append((path, number)) }
        switch value {
        case .object(let members):
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                collect(member, at: path + [key], into: &found)
            }
        case .array(let elements):
            for (index, element) in elements.enumerated() { collect(element, at: path + ["\(index)"], into: &found) }
        default: break
        }
    }

    private static func member(_ path: [String], of body: JSON) -> JSON? {
        path.reduce(Optional(body)) { value, key in
            switch value {
            case .object(let members): members[key]
            case .array(let elements): Int(key).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: nil
            }
        }
    }

    /// A value as Carbon reads it.
    private static func number(_ value: JSON, readsText: Bool) -> String? {
        switch value {
        case .boolean(let value): return value ? "1" : "0"
        case .integer(let number): return "\(number)"
        case .natural(let number): return "\(number)"
        case .number(let number): return number.isFinite ? "\(number)" : nil
        case .string(let text) where readsText:
            guard let number = Double(text), number.isFinite else { return nil }
            return Int64(exactly: number).map { "\($0)" } ?? "\(number)"
        default: return nil
        }
    }

    private static func seconds(_ body: JSON, at path: [String]) throws -> Int {
        // Seconds until the year 5138; what is more are milliseconds, from 1973 on.
        guard let number = member(path, of: body)?.double, number >= 0, number < 1e14 else {
            throw MessagingError(
                .decodingFailed,
                "its member \(quoted(path.joined(separator: "."))) is no time in seconds or milliseconds since 1970"
            )
        }
        return Int(number < 1e11 ? number : number / 1_000)
    }
}
