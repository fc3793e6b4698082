import Logging
import Martlet
import MartletSettings

/// The settings of a machine, one file for all its services, and the environment.
///
/// The file is that of the command line, `$MARTLET_CONFIG`, `$FARINE_INI`, `./miqro.yml`, `/etc/miqro.yml` or
/// `/etc/farine.ini`, the first that there is.
struct ServiceSettings: Sendable {
    let file: SettingsFile?
    private let environment: SettingsEnvironment

    /// - Parameters:
    ///   - path: the command line's; `nil`: it names none.
    ///   - folder: where the machine's files are.
    init(
        _ path: String? = nil,
        environment: SettingsEnvironment = .process,
        machine folder: String = "/etc"
    ) throws(SettingsError) {
        let places: [SettingsLocation] = [
            .named(path), .variable("MARTLET_CONFIG"), .variable("FARINE_INI", .ini), "miqro.yml",
            .path("\(folder)/miqro.yml"), .path("\(folder)/farine.ini"),
        ]
        try self.init(SettingsFile.first(of: places, environment: environment), environment: environment)
    }

    init(_ file: SettingsFile?, environment: SettingsEnvironment) {
        self.file = file
        self.environment = environment
    }

    /// What a service runs with.
    ///
    /// - Parameters:
    ///   - isVerbose: whether it logs all that is for finding faults, whatever the settings say.
    ///   - debugPrefix: what comes before all topics that it publishes on.
    func plan<Program: ServiceProgram>(
        for program: Program.Type,
        isVerbose: Bool = false,
        debugPrefix: String? = nil
    ) throws(SettingsError) -> ServicePlan<Program.Settings> {
        let name = Program.name
        let decoder = SettingsDecoder(environment: environment)
        do throws(SettingsError) {
            let isINI = file?.format == .ini
            // Where the file is INI, the environment alone says something for the whole machine.
            let machine = try decoder.decode(MachineSettings.self, from: isINI ? nil : file)
            let section =
                isINI
                ? try decoder.decode(SettingsNode.self, from: file, section: name)
                : try decoder.decode(SettingsNode.self, from: file, section: "services", name)
            let common = try decoder.decode(
                CommonSettings.self,
                from: section.keeping { CommonSettings.has($0, isINI: isINI) },
                variables: name
            )
            let settings = try decoder.decode(
                Program.Settings.self,
                from: section.keeping { !CommonSettings.has($0, isINI: isINI) },
                variables: name,
                defaults: Program.defaults
            )
            guard let broker = try machine.url() ?? common.broker ?? common.amqpURI else {
                throw SettingsError("no broker is named, as by 'broker: mqtt://localhost'", path: "broker")
            }
            var logger = Logger(label: name)
            logger.logLevel = isVerbose ? .trace : (machine.logLevel ?? common.logLevel)?.level ?? .info
            return ServicePlan(
                name: name,
                base: common.dataTopic.map(Self.base) ?? TopicName(segments: ["service", name]),
                broker: broker,
                isEnabled: common.enabled ?? true,
                settings: settings,
                logger: logger,
                stateFile: StateLocation(name: name, environment: environment),
                decimals: Program.decimals,
                logTopic: common.logTopic.map(Self.base),
                discoveryPrefix: machine.haDiscoveryPrefix.map(Self.base) ?? "homeassistant",
                birthTopic: machine.haBirthTopic.map { TopicName(mqtt: $0) },
                birthPayload: machine.haBirthPayload,
                debugPrefix: debugPrefix.map(Self.base)
            )
        } catch {
            var error = error.from(file?.name)
            if file == nil { error.place = nil }
            throw error
        }
    }

    /// miqro's have a slash at the end.
    private static func base(_ text: String) -> TopicName {
        guard text.contains("/") else { return TopicName(text) }
        return TopicName(mqtt: text.hasSuffix("/") ? String(text.dropLast()) : text)
    }
}

/// What each service's section may have, beside the service's own.
private struct CommonSettings: Decodable {
    var dataTopic: String?
    var enabled: Bool?
    var logTopic: String?
    // Where there is no machine's part, as in INI, it stands in the section, or in DEFAULT.
    var broker: Secret?
    var amqpURI: Secret?
    var logLevel: LogLevel?

    static func has(_ key: String, isINI: Bool) -> Bool {
        let word = key.lowercased().filter { $0 != "_" && $0 != "-" }
        return ["datatopic", "enabled", "logtopic"].contains(word)
            || isINI && ["broker", "amqpuri", "loglevel"].contains(word)
    }
}

extension SettingsNode {
    /// The table with some of its keys.
    fileprivate func keeping(_ isKept: (String) -> Bool) -> SettingsNode {
        guard case .table(let members) = value else { return self }
        var node = self
        node.value = .table(members.filter { isKept($0.key) })
        return node
    }
}
