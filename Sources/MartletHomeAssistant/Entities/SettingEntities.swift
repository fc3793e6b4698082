import Martlet
public import MartletService

/// Something that is on or off.
///
/// ```swift
/// Switch("Pump", at: "pump") { isOn in try await pump.set(isOn) }
/// ```
///
/// A command is followed by its state, once the handler has returned; if it throws the state stays as it was.
public struct Switch: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A switch.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where `on` and `off` are published (`state_topic`) and commanded (`command_topic`).
    ///   - deviceClass: `outlet` or `switch`.
    ///   - options: what else there is to say.
    ///   - handler: switches it.
    public init(
        _ name: String,
        at topics: EntityTopics,
        deviceClass: String? = nil,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ isOn: Bool) async throws -> Void
    ) {
        core = EntityCore.commanded(
            "switch",
            name,
            at: topics,
            options,
            ["payload_on": "on", "payload_off": "off", "device_class": deviceClass.map(JSON.string)]
        ) { text in
            guard let isOn = ["on": true, "off": false][text] else { throw CommandError(text, name) }
            try await handler(isOn)
            return text
        }
    }

    /// Publishes whether it is on; `nil`: that is not known.
    public func report(_ isOn: Bool?) async throws { try await core.report(isOn.map { $0 ? "on" : "off" }) }
}

/// A number that can be set.
///
/// ```swift
/// Number("Target", at: "target", in: 5...35, step: 0.5) { value in try await heating.aim(at: value) }
/// ```
public struct Number: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A number.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published (`state_topic`) and set (`command_topic`).
    ///   - range: what it can be. Others are refused.
    ///   - step: how far apart its values are, 0.001 at least; `nil`: one.
    ///   - unit: such as `°C`.
    ///   - deviceClass: such as `temperature`.
    ///   - isSlider: whether it is shown as a slider, rather than a box; `nil`: as Home Assistant likes.
    ///   - options: what else there is to say.
    ///   - handler: sets it, and returns what holds now, which is published.
    public init(
        _ name: String,
        at topics: EntityTopics,
        in range: ClosedRange<Double>,
        step: Double? = nil,
        unit: String? = nil,
        deviceClass: String? = nil,
        isSlider: Bool? = nil,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ value: Double) async throws -> Double
    ) {
        core = EntityCore.commanded(
            "number",
            name,
            at: topics,
            options,
            [
                "min": .number(range.lowerBound), "max": .number(range.upperBound), "step": step.map(JSON.number),
                "unit_of_measurement": unit.map(JSON.string), "device_class": deviceClass.map(JSON.string),
                "mode": isSlider.map { $0 ? "slider" : "box" },
            ]
        ) { text in
            guard let value = Double(text), range.contains(value) else { throw CommandError(text, name) }
            return try await Self.text(handler(value))
        }
    }

    /// Publishes it; `nil`: it is not known.
    public func report(_ value: Double?) async throws { try await core.report(value.map(Self.text)) }

    private static func text(_ value: Double) throws -> String {
        String(decoding: try PlainText().encode(value), as: UTF8.self)
    }
}

/// A text that can be set.
public struct Text: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A text.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published (`state_topic`) and set (`command_topic`).
    ///   - length: how many characters it has, 255 at most. Others are refused.
    ///   - pattern: a regular expression that it matches; Home Assistant sees to it.
    ///   - isPassword: whether it is not shown.
    ///   - options: what else there is to say.
    ///   - handler: sets it, and returns what holds now, which is published.
    public init(
        _ name: String,
        at topics: EntityTopics,
        length: ClosedRange<Int> = 0...255,
        pattern: String? = nil,
        isPassword: Bool = false,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ text: String) async throws -> String
    ) {
        core = EntityCore.commanded(
            "text",
            name,
            at: topics,
            options,
            [
                "min": .integer(Int64(length.lowerBound)), "max": .integer(Int64(length.upperBound)),
                "mode": isPassword ? "password" : "text", "pattern": pattern.map(JSON.string),
            ],
            hasEmptyValues: true
        ) { text in
            guard length.contains(text.unicodeScalars.count) else { throw CommandError(text, name) }
            return try await handler(text)
        }
    }

    /// Publishes it. The broker keeps no text without characters: a Home Assistant that starts later is told of it then, by the service.
    public func report(_ text: String) async throws { try await core.report(text) }
}

/// One of several words, to be chosen.
public struct Select: Entity {
    /// What is common to all kinds.
    public let core: EntityCore
    private let choices: [String]

    /// A choice.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published (`state_topic`) and set (`command_topic`).
    ///   - choices: what there is to choose from. Others are refused.
    ///   - options: what else there is to say.
    ///   - handler: sets it, and returns what holds now, which is published.
    public init(
        _ name: String,
        at topics: EntityTopics,
        of choices: [String],
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ choice: String) async throws -> String
    ) {
        self.choices = choices
        core = EntityCore.commanded("select", name, at: topics, options, ["options": .array(choices.map(JSON.string))])
        {
            guard choices.contains($0) else { throw CommandError($0, name) }
            return try await handler($0)
        }
    }

    /// Publishes it; `nil`: it is not known.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for what is not among the choices; as the connection's `publish`.
    public func report(_ choice: String?) async throws {
        if let choice, !choices.contains(choice) {
            throw MessagingError(.invalidArgument, "'\(core.name)' has no choice '\(choice)'")
        }
        try await core.report(choice)
    }
}

/// Something to be pressed.
public struct Button: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A button.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topic: where `PRESS` is sent.
    ///   - deviceClass: `identify`, `restart` or `update`.
    ///   - options: what else there is to say.
    ///   - handler: does what it is for.
    public init(
        _ name: String,
        at topic: ServiceTopic,
        deviceClass: String? = nil,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable () async throws -> Void
    ) {
        core = EntityCore(
            "button",
            name,
            options,
            ["payload_press": "PRESS", "device_class": deviceClass.map(JSON.string)],
            commands: [
                (
                    "command_topic",
                    .init(topic: topic) { text, _ in
                        guard text == "PRESS" else { throw CommandError(text, name) }
                        try await handler()
                    }
                )
            ]
        )
    }
}

/// A program or firmware that can be brought up to date.
public struct Update: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A program.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where its versions are published (`state_topic`) and `install` is sent (`command_topic`).
    ///   - title: what the program is called.
    ///   - isFirmware: whether it is that of a device.
    ///   - options: what else there is to say.
    ///   - install: installs the latest version; `nil`: that is not done from here.
    public init(
        _ name: String,
        at topics: EntityTopics,
        title: String? = nil,
        isFirmware: Bool = false,
        options: EntityOptions = EntityOptions(),
        install: (@Sendable () async throws -> Void)? = nil
    ) {
        var commands: [(key: String, command: EntityCore.Command)] = []
        if let install {
            let topic = topics["command_topic", isOnly: false]
            commands.append(
                (
                    "command_topic",
                    .init(topic: topic) { text, _ in
                        guard text == "install" else { throw CommandError(text, name) }
                        try await install()
                    }
                )
            )
        }
        core = EntityCore(
            "update",
            name,
            options,
            [
                "title": title.map(JSON.string), "device_class": isFirmware ? "firmware" : nil,
                "payload_install": install == nil ? nil : "install",
            ],
            channels: [.init(key: "state_topic", topic: topics["state_topic", isOnly: install == nil])],
            commands: commands
        )
    }

    /// Publishes which version is installed, and which is the latest.
    ///
    /// - Parameters:
    ///   - installed: the version that is installed.
    ///   - latest: the latest version.
    ///   - progress: how much of the latest one is installed, in percent; `nil`: it is not being installed.
    ///   - summary: what is new, 255 characters at most.
    ///   - url: where that is to be read, of the scheme `http` or `https`.
    /// - Throws: `MessagingError.Code.invalidArgument` for another URL, and for a progress that is not between 0 and 100: Home Assistant
    ///   would leave out all of it; as the connection's `publish`.
    public func report(
        installed: String,
        latest: String,
        progress: Int? = nil,
        summary: String? = nil,
        url: String? = nil
    ) async throws {
        if let progress, !(0...100).contains(progress) {
            throw MessagingError(
                .invalidArgument,
                "'\(core.name)' can't be installed to \(progress) %: say something from 0 to 100"
            )
        }
        if let url, !WebAddress.isValid(url) {
            throw MessagingError(
                .invalidArgument,
                "'\(core.name)' has the URL \(url.debugDescription): let it begin with http:// or https://, and a host"
            )
        }
        var members: [String: JSON] = ["installed_version": .string(installed), "latest_version": .string(latest)]
        members["update_percentage"] = progress.map { .integer(Int64($0)) }
        members["in_progress"] = .boolean(progress != nil)
        members["release_summary"] = summary.map { .string(String($0.prefix(255))) }
        members["release_url"] = url.map(JSON.string)
        try await core.report(JSON.object(members).bytes)
    }
}

extension EntityCore {
    /// An entity of one state and one command, which returns the state that follows from it.
    static func commanded(
        _ platform: String,
        _ name: String,
        at topics: EntityTopics,
        _ options: EntityOptions,
        _ members: [String: JSON?],
        hasEmptyValues: Bool = false,
        handler: @escaping @Sendable (_ text: String) async throws -> String
    ) -> EntityCore {
        EntityCore(
            platform,
            name,
            options,
            members,
            channels: [
                .init(key: "state_topic", topic: topics["state_topic", isOnly: false], hasEmptyValues: hasEmptyValues)
            ],
            commands: [
                (
                    "command_topic",
                    .init(topic: topics["command_topic", isOnly: false]) { text, entity in
                        try await entity.report(handler(text))
                    }
                )
            ]
        )
    }
}
