import Martlet

/// Reads types of the user's own from a file of settings and the environment.
///
/// ```swift
/// struct Echo: Decodable {
///     var customValue: String                 // custom_value, custom-value or customValue in the file
///     var timeout: Duration?                  // 30s, 5m, or a number of seconds
/// }
/// let echo = try SettingsDecoder().decode(Echo.self, from: file, section: "services", "echo")
/// ```
///
/// What the environment says counts more than the file, which counts more than defaults; see ``SettingsEnvironment``. A key
/// that the type does not ask for is an error, as is one that is missing; each error says where in the file it is.
///
/// Beside what every decoder reads, `Duration` is a time such as `500ms`, `30s`, `5m` or `1.5h`, or a number of seconds;
/// ``ByteCount`` a size such as `64MiB`; `Secret` a text that is not shown; `URL` its text; ``SettingsNode`` whatever is
/// there. Truth is `true`, `yes` or `on`, and `false`, `no` or `off`, in small or large letters. Where an enumeration is
/// `CaseIterable`, errors list its cases.
public struct SettingsDecoder: Sendable {
    /// What counts more than the file.
    public var environment: SettingsEnvironment
    /// What types that ask for it are told.
    public var userInfo: [CodingUserInfoKey: any Sendable] = [:]

    /// A decoder with the environment of the process, unless told.
    public init(environment: SettingsEnvironment = .process) {
        self.environment = environment
    }

    /// Reads a section of a file.
    ///
    /// - Parameters:
    ///   - type: what to read.
    ///   - file: `nil`: there is none, and the environment and the defaults say everything.
    ///   - section: the keys that lead to the section, such as `"services", "echo"`; none for the file as a whole. If it is
    ///     not there, it is as if it were empty. The last of them is in the names of variables.
    ///   - defaults: what holds for members that nothing says; a member that is a structure may be given in part. They are
    ///     found by the names of the properties, so that a property whose `CodingKeys` give it another name has none.
    /// - Throws: ``SettingsError``.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self,
        from file: SettingsFile?,
        section: String...,
        defaults: Value? = nil
    ) throws(SettingsError) -> Value {
        do throws(SettingsError) {
            let root = file?.root ?? SettingsNode(value: .nothing, place: .init(line: 1, column: 1), keys: .root)
            let node = try Self.section(section[...], of: root)
            return try decode(type, from: node, names: section.suffix(1), environment, defaults)
        } catch {
            var error = error.from(file?.name)
            if file == nil { error.place = nil }
            throw error
        }
    }

    /// Reads a piece that was read as a ``SettingsNode`` before.
    ///
    /// - Parameters:
    ///   - type: what to read.
    ///   - node: the piece.
    ///   - section: what stands in the names of variables before the keys; `nil`: the environment says nothing.
    ///   - defaults: what holds for members that nothing says.
    /// - Throws: ``SettingsError`` without the file, which the piece does not know.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self,
        from node: SettingsNode,
        variables section: String?,
        defaults: Value? = nil
    ) throws(SettingsError) -> Value {
        try decode(type, from: node, names: section.map { [$0] } ?? [], section == nil ? .none : environment, defaults)
    }

    private func decode<Value: Decodable>(
        _ type: Value.Type,
        from node: SettingsNode,
        names: [String],
        _ environment: SettingsEnvironment,
        _ defaults: Value?
    ) throws(SettingsError) -> Value {
        let reading = try SettingsReading(environment, userInfo: userInfo)
        let spot = SettingsSpot(node: node, codingPath: [], names: names, defaults: defaults)
        do {
            let value = try reading.value(type, at: spot)
            try reading.finish()
            return value
        } catch let error as SettingsError {
            throw error
        } catch {
            throw reading.error(error, at: spot, of: type)
        }
    }

    /// The piece that keys lead to; an empty one if it is not there.
    private static func section(_ keys: ArraySlice<String>, of node: SettingsNode) throws(SettingsError) -> SettingsNode
    {
        guard let key = keys.first else { return node }
        let members: [SettingsNode.Member]
        switch node.value {
        case .nothing: members = []
        case .table(let all): members = all
        default: throw node.wrong("a table of keys and values")
        }
        let member = try SettingsMembers(members).find(key)
        var next = member?.node ?? SettingsNode(value: .nothing, place: node.place, keys: .key(key, in: node.keys))
        // What is in INI's section DEFAULT holds also for a section that is not written.
        if member == nil { next.inherited = node.inherited }
        return try section(keys.dropFirst(), of: next)
    }
}
