import Martlet

/// Who may publish what and read what: the rules of a file as mosquitto's `acl_file` has them.
///
///     # Everybody, users among them:
///     topic read status/#
///     pattern readwrite clients/%c/#
///     user alice
///     topic write orders/+
///     topic deny orders/secret
///
/// `topic` and `pattern` are followed by `read`, `write`, `readwrite` or `deny`, which may be left out and then is
/// `readwrite`, and a filter. Lines before the first `user` are for clients without a user; those behind it for that user.
/// `pattern` is for everybody; in it `%c` is the client's identifier and `%u` its user. A name with `/`, `+` or `#` stands for
/// neither, nor does one by which the filter would begin with `$`: it would let a client name itself into another's topics. What
/// no line allows is refused; `deny` wins.
///
/// They are asked when a client publishes, subscribes, and gets a message, also a kept one or one that waited for it.
/// Subscribing is refused where nothing could be read: no rule allows any of the filter's topics, or one denies all of them.
public struct AccessRules: Sendable {
    struct Rule: Sendable {
        var reads: Bool
        var writes: Bool
        var denies = false
        let filter: String
    }

    private var nobody: [Rule] = []
    private var users: [[UInt8]: [Rule]] = [:]
    private var everybody: [Rule] = []

    /// Reads a file.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong, or if the file can't be read.
    public init(path: String) throws {
        try self.init(text: TextFile.read(path), name: path)
    }

    /// The rules of a file's text.
    ///
    /// - Parameters:
    ///   - text: the file's lines.
    ///   - name: what errors call it.
    /// - Throws: `MessagingError.Code.invalidArgument` with the line that is wrong.
    public init(text: String, name: String) throws {
        var user: [UInt8]?
        for (number, line) in TextFile.lines(of: text) {
            let (word, rest) = Self.split(line)
            switch (word, rest.isEmpty) {
            case ("user", false):
                user = Array(rest.utf8)
            case ("topic", false), ("pattern", false):
                let rule = try Self.rule(rest, "line \(number) of \(name)")
                if word == "pattern" {
                    everybody.append(rule)
                } else if let user {
                    users[user, default: []].append(rule)
                } else {
                    nobody.append(rule)
                }
            default:
                throw MessagingError(
                    .invalidArgument,
                    "line \(number) of \(name) is none of 'user <name>', 'topic [read|write|readwrite|deny] <filter>' and 'pattern …'"
                )
            }
        }
    }

    private static func rule(_ text: Substring, _ place: String) throws -> Rule {
        let (word, rest) = split(text)
        let rule: Rule
        switch word {
        case "read" where !rest.isEmpty: rule = Rule(reads: true, writes: false, filter: String(rest))
        case "write" where !rest.isEmpty: rule = Rule(reads: false, writes: true, filter: String(rest))
        case "readwrite" where !rest.isEmpty: rule = Rule(reads: true, writes: true, filter: String(rest))
        case "deny" where !rest.isEmpty: rule = Rule(reads: true, writes: true, denies: true, filter: String(rest))
        default: rule = Rule(reads: true, writes: true, filter: String(text))
        }
        let pattern = TopicPattern(mqtt: rule.filter)
        guard pattern.isValid, pattern.group == nil else {
            throw MessagingError(.invalidArgument, "\(place) has a filter that is none: \(rule.filter)")
        }
        return rule
    }

    private static func split(_ text: Substring) -> (Substring, Substring) {
        guard let space = text.firstIndex(where: \.isWhitespace) else { return (text, "") }
        var rest = text[space...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        return (text[..<space], rest)
    }

    /// What a client may do.
    func permissions(clientID: String, user: String?) -> Permissions {
        var rules = user.map { users[Array($0.utf8)] ?? [] } ?? nobody
        for rule in everybody {
            guard let filter = Self.fill(rule.filter, clientID: clientID, user: user) else { continue }
            rules.append(Rule(reads: rule.reads, writes: rule.writes, denies: rule.denies, filter: filter))
        }
        return Permissions(rules)
    }

    /// A pattern with a client's names in it; `nil` if it has none that could stand there.
    private static func fill(_ filter: String, clientID: String, user: String?) -> String? {
        var filled = ""
        var rest = filter[...]
        while let place = rest.firstIndex(of: "%") {
            filled += rest[..<place]
            let after = rest[rest.index(after: place)...]
            switch after.first {
            case "c":
                guard isSafe(clientID) else { return nil }
                filled += clientID
            case "u":
                guard let user, isSafe(user) else { return nil }
                filled += user
            default:
                filled += "%"
                rest = after
                continue
            }
            rest = after.dropFirst()
        }
        filled += rest
        // A name could otherwise make it a filter of `$SYS`, or a group's (`$share`), of which the group means nothing here.
        let isOrdinary = !filled.hasPrefix("$") || filter.hasPrefix("$")
        return isOrdinary && TopicPattern(mqtt: filled).group == nil ? filled : nil
    }

    private static func isSafe(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains { [UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "#")].contains($0) }
    }
}

/// What one client may do.
struct Permissions: Sendable {
    private struct Rule: Sendable {
        let rule: AccessRules.Rule
        let pattern: TopicPattern
    }

    /// `nil`: everything.
    private let rules: [Rule]?

    private init(rules: [Rule]?) {
        self.rules = rules
    }

    /// Everything.
    static let all = Permissions(rules: nil)

    init(_ rules: [AccessRules.Rule]) {
        self.rules = rules.map { Rule(rule: $0, pattern: TopicPattern(mqtt: $0.filter)) }
    }

    var isAll: Bool { rules == nil }

    func mayPublish(to topic: TopicName) -> Bool { allows(topic, \.writes) }

    func mayRead(_ topic: TopicName) -> Bool { allows(topic, \.reads) }

    /// Whether it may read any of the topics of a filter: some are allowed, and not all of them denied.
    func maySubscribe(to pattern: TopicPattern) -> Bool {
        guard let rules else { return true }
        guard !rules.contains(where: { $0.rule.denies && $0.pattern.covers(pattern) }) else { return false }
        return rules.contains { $0.rule.reads && !$0.rule.denies && $0.pattern.overlaps(pattern) }
    }

    private func allows(_ topic: TopicName, _ access: KeyPath<AccessRules.Rule, Bool>) -> Bool {
        guard let rules else { return true }
        var isAllowed = false
        for rule in rules where rule.rule[keyPath: access] && rule.pattern.matches(topic) {
            if rule.rule.denies { return false }
            isAllowed = true
        }
        return isAllowed
    }
}
