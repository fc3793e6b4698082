import Martlet
import MartletBrokers
import MartletSettings

extension MessageFilter {
    /// Reads the keys `only-if` and `except` of a route.
    ///
    /// - Parameter hasTopics: whether messages come from topics of the bridge's `from:` side, and only from there.
    init(_ table: inout SettingsTable, _ ends: RouteEnds, hasTopics: Bool) throws(SettingsError) {
        self.init()
        for node in try table.list("only-if") ?? [] { conditions.append(try Condition(node)) }
        guard hasTopics else {
            if table.has("except") {
                throw table.node.error("except is for routes of topics that go forth, and nothing else")
            }
            return
        }
        for node in try table.list("except") ?? [] {
            let pattern = ends.from.pattern(try node.text())
            do {
                try pattern.validate()
            } catch {
                throw node.error((error as? MessagingError)?.message ?? "\(error)")
            }
            exceptions.append(pattern)
        }
    }
}

extension MessageFilter.Condition {
    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        var table = try SettingsTable(node)
        try table.exclude("field", "header")
        let (field, header) = (try table.text("field"), try table.text("header"))
        if let field {
            let path = field.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard !path.contains("") else { throw node.error("the field \(quoted(field)) has an empty part") }
            subject = .field(path)
        } else if let header {
            subject = .header(header)
        } else {
            throw node.error("a condition needs one of the keys field and header")
        }
        tests = []
        if let isThere = try table.bool("exists") { tests.append(.exists(isThere)) }
        if let operand = try table.read("equals", MessageFilter.Operand.init) { tests.append(.equals(operand)) }
        if let operand = try table.read("differs", MessageFilter.Operand.init) { tests.append(.differs(operand)) }
        let any = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        if let bound = try table.number("above", in: any) { tests.append(.above(bound)) }
        if let bound = try table.number("below", in: any) { tests.append(.below(bound)) }
        try table.finish("a condition")
        if tests.isEmpty { tests = [.exists(true)] }
    }
}

extension MessageFilter.Operand {
    fileprivate init(_ node: SettingsNode) throws(SettingsError) {
        guard case .text(let text, let isQuoted) = node.value else {
            throw node.wrong("a text, a number, true or false")
        }
        if isQuoted {
            self = .text(text)
        } else if let flag = Bool(text) {
            self = .boolean(flag)
        } else if let number = Double(text), number.isFinite {
            self = .number(number)
        } else {
            self = .text(text)
        }
    }
}
