// swift-tools-version: 6.3

import PackageDescription

/// What every target is built with: the compiler's strictest reading, so that a data race or a hidden
/// existential is an error here before it is a surprise in a user's program.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A package that only the command, or what another trait brings, needs: without its trait it is not even fetched.
func command(_ product: String, from package: String, trait: String = "Command") -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: [trait]))
}

/// A program in C that a benchmark compares with, on one of the libraries that this package stands on.
func rival(_ name: String, on library: Target.Dependency?, linking others: String...) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["Peer"] + (library.map { [$0] } ?? []),
        path: "Playground/Benchmarks/Sources/\(name)",
        linkerSettings: others.map { .linkedLibrary($0) }
    )
}

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletTransport", targets: ["MartletTransport"]),
        .library(name: "MartletMQTT", targets: ["MartletMQTT"]),
        .library(name: "MartletAMQP", targets: ["MartletAMQP"]),
        .library(name: "MartletRedis", targets: ["MartletRedis"]),
        .library(name: "MartletBrokers", targets: ["MartletBrokers"]),
        .library(name: "MartletSettings", targets: ["MartletSettings"]),
        .library(name: "MartletService", targets: ["MartletService"]),
        .library(name: "MartletHomeAssistant", targets: ["MartletHomeAssistant"]),
        .library(name: "MartletCompression", targets: ["MartletCompression"]),
        .library(name: "MartletRelay", targets: ["MartletRelay"]),
        .library(name: "MartletServer", targets: ["MartletServer"]),
        .library(name: "MartletJWT", targets: ["MartletJWT"]),
        .library(name: "MartletPostgreSQL", targets: ["MartletPostgreSQL"]),
        .library(name: "MartletSQL", targets: ["MartletSQL"]),
        .library(name: "MartletSQLite", targets: ["MartletSQLite"]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
        .library(name: "MartletSimulation", targets: ["MartletSimulation"]),
        .executable(name: "martlet", targets: ["MartletCommand"]),
    ],
    // All are on unless a program says otherwise. The libraries above need none of them, except those that a trait is named
    // after: with `traits: []` a program fetches and builds what its products are made of, and nothing more.
    traits: [
        .trait(name: "MQTT", description: "Programs that take a broker's URL reach MQTT brokers."),
        .trait(name: "AMQP", description: "Programs that take a broker's URL reach AMQP brokers."),
        .trait(name: "Redis", description: "Programs that take a broker's URL reach Redis."),
        .trait(
            name: "Settings",
            description: "Settings from files and the environment, and the package that reads YAML."
        ),
        .trait(name: "SQL", description: "Databases at every handler's hand, on the C libraries of theirs."),
        .trait(
            name: "Service",
            description: "Services with settings, a state file and a command line, and the package that reads that.",
            enabledTraits: ["Settings"]
        ),
        .trait(
            name: "Command",
            description: "The command 'martlet', and the packages that it is built on.",
            enabledTraits: ["Settings", "Server", "Relay", "JWT"]
        ),
        .trait(
            name: "Relay",
            description:
                "Ends of relays that are no brokers, and async-http-client, on which those of the web are built."
        ),
        .trait(name: "Server", description: "A broker's doors to the network, and SwiftNIO, on which they are built."),
        .trait(
            name: "JWT",
            description: "Clients of such a broker show JSON Web Tokens, and jwt-kit, which verifies their signatures.",
            enabledTraits: ["Server"]
        ),
        .default(
            enabledTraits: ["MQTT", "AMQP", "Redis", "Settings", "Service", "SQL", "Server", "JWT", "Relay", "Command"]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .target(
            name: "Martlet",
            dependencies: [
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]
        ),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "MartletCompression", dependencies: ["CZlib", "Martlet"], swiftSettings: settings),
        .target(
            name: "MartletTransport",
            dependencies: [
                "Martlet",
                "COpenSSL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CMosquitto",
            providers: [.apt(["libmosquitto-dev"]), .brew(["mosquitto"])]
        ),
        .target(
            name: "MartletMQTT",
            dependencies: [
                "Martlet",
                "MartletTransport",
                "MartletMQTTWire",
                "CMosquitto",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // Debian's hiredis.pc carries a define that the package manager warns about, so the module map names the library.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .target(
            name: "MartletRedis",
            dependencies: [
                "Martlet",
                "MartletTransport",
                "CHiredis",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CRabbitMQ",
            providers: [.apt(["librabbitmq-dev"]), .brew(["rabbitmq-c"])]
        ),
        .target(
            name: "MartletAMQP",
            dependencies: [
                "Martlet",
                "MartletTransport",
                "CRabbitMQ",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // MQTT's packets and what a broker holds for a client: values, without input, output or clock. No product.
        .target(
            name: "MartletMQTTWire",
            dependencies: ["Martlet"],
            swiftSettings: settings + [.enableExperimentalFeature("Lifetimes")]
        ),
        // What servers of all kinds share: their certificates, and how they take connections. No product.
        .target(
            name: "MartletListeners",
            dependencies: [
                "Martlet",
                "COpenSSL",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server", "Relay"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Server", "Relay"])),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletServer",
            dependencies: [
                "Martlet",
                "MartletListeners",
                "MartletMQTTWire",
                "COpenSSL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOWebSocket", package: "swift-nio", condition: .when(traits: ["Server"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Server"])),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        // Beside the server, not in it: a server without tokens is built without jwt-kit and its cryptography.
        .target(
            name: "MartletJWT",
            dependencies: [
                "Martlet",
                "MartletMQTTWire",
                "MartletServer",
                .product(name: "JWTKit", package: "jwt-kit", condition: .when(traits: ["JWT"])),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletRelay",
            dependencies: [
                "Martlet",
                "MartletListeners",
                "MartletTransport",
                "COpenSSL",
                command("AsyncHTTPClient", from: "async-http-client", trait: "Relay"),
                command("NIOCore", from: "swift-nio", trait: "Relay"),
                command("NIOHTTP1", from: "swift-nio", trait: "Relay"),
                command("NIOPosix", from: "swift-nio", trait: "Relay"),
                command("NIOSSL", from: "swift-nio-ssl", trait: "Relay"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletTesting",
            dependencies: [
                "Martlet",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // A whole system in one process, replayed by its seed. On Linux; elsewhere it is empty.
        .target(
            name: "MartletSimulation",
            dependencies: [
                "Martlet",
                "MartletTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletSettings",
            dependencies: [
                "Martlet",
                .product(name: "Yams", package: "Yams", condition: .when(traits: ["Settings"])),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletSQL",
            dependencies: [
                "Martlet",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite3"])]),
        .target(
            name: "MartletSQLite",
            dependencies: ["Martlet", "MartletSQL", "MartletTransport", "CSQLite"],
            swiftSettings: settings
        ),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(
            name: "MartletPostgreSQL",
            dependencies: ["Martlet", "MartletSQL", "MartletTransport", "CPostgreSQL"],
            swiftSettings: settings
        ),
        // A connection to whatever a URL names: of each kind of broker that the program's traits bring.
        .target(
            name: "MartletBrokers",
            dependencies: [
                "Martlet",
                .target(name: "MartletAMQP", condition: .when(traits: ["AMQP"])),
                .target(name: "MartletMQTT", condition: .when(traits: ["MQTT"])),
                .target(name: "MartletRedis", condition: .when(traits: ["Redis"])),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletService",
            dependencies: [
                "Martlet",
                "MartletSettings",
                command("ArgumentParser", from: "swift-argument-parser", trait: "Service"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MartletHomeAssistant",
            dependencies: ["Martlet", "MartletService", .product(name: "Logging", package: "swift-log")],
            swiftSettings: settings
        ),
        // What the programs of this package share: drawing on a terminal. No product.
        .target(name: "MartletConsole", dependencies: ["Martlet"], swiftSettings: settings),
        // Not called after its product: on a disk that takes `martlet` for `Martlet` the two modules would be one.
        .executableTarget(
            name: "MartletCommand",
            dependencies: [
                "Martlet",
                "MartletBrokers",
                "MartletConsole",
                "MartletJWT",
                "MartletRelay",
                "MartletServer",
                "MartletSettings",
                "MartletTransport",
                command("ArgumentParser", from: "swift-argument-parser"),
                command("Histogram", from: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                command("Subprocess", from: "swift-subprocess"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "playground",
            dependencies: [
                "Martlet",
                "MartletBrokers",
                "MartletConsole",
                "MartletMQTT",
                "MartletPostgreSQL",
                "MartletRelay",
                "MartletServer",
                "MartletSQL",
                "MartletSQLite",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Playground",
            exclude: ["Benchmarks", "Services", "Simulation", "run"],
            swiftSettings: settings
        ),
        // Services as their users write them. No product.
        .executableTarget(
            name: "playground-services",
            dependencies: [
                "Martlet", "MartletAMQP", "MartletHomeAssistant", "MartletMQTT", "MartletRelay", "MartletService",
            ],
            path: "Playground/Services",
            swiftSettings: settings
        ),
        // A simulated world with a bug, as a user writes one. No product.
        .executableTarget(
            name: "playground-simulation",
            dependencies: ["Martlet", "MartletSimulation"],
            path: "Playground/Simulation",
            swiftSettings: settings
        ),
        // The benchmarks: what runs and compares, Martlet's side of it, and the others in C. No products.
        .executableTarget(
            name: "benchmarks",
            dependencies: ["IntegrationSupport", command("ArgumentParser", from: "swift-argument-parser")],
            path: "Playground/Benchmarks/Sources/benchmarks",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "martlet-peer",
            dependencies: ["Martlet", "MartletAMQP", "PeerJob"],
            path: "Playground/Benchmarks/Sources/martlet-peer",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "martlet-extras",
            dependencies: ["Martlet", "MartletPostgreSQL", "MartletRelay", "MartletServer", "MartletSQL", "PeerJob"],
            path: "Playground/Benchmarks/Sources/martlet-extras",
            swiftSettings: settings
        ),
        .target(
            name: "PeerJob",
            dependencies: ["Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis"],
            path: "Playground/Benchmarks/Sources/PeerJob",
            swiftSettings: settings
        ),
        .target(name: "Peer", path: "Playground/Benchmarks/Sources/Peer"),
        rival("c-mqtt", on: "CMosquitto", linking: "mosquitto"),
        rival("c-amqp", on: "CRabbitMQ", linking: "rabbitmq"),
        rival("c-redis", on: "CHiredis", linking: "hiredis", "pthread"),
        rival("c-sql", on: "CPostgreSQL", linking: "pq", "pthread"),
        // Reads lines as Carbon does, and nothing more.
        rival("c-carbon", on: nil),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: [
                "benchmarks", "IntegrationSupport", command("ArgumentParser", from: "swift-argument-parser"),
            ],
            path: "Tests/Unit/Benchmarks",
            swiftSettings: settings
        ),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "IntegrationSupport",
                "Martlet",
                "MartletAMQP",
                "MartletBrokers",
                "MartletCompression",
                "MartletHomeAssistant",
                "MartletJWT",
                "MartletMQTT",
                "MartletPostgreSQL",
                "MartletRedis",
                "MartletRelay",
                "MartletServer",
                "MartletService",
                "MartletSQL",
                "MartletSQLite",
                "MartletSettings",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Brokers/Documentation",
            swiftSettings: settings
        ),
        // Pure values, millions of them: a module of its own keeps both cores from those whose time limits run meanwhile.
        .testTarget(
            name: "MartletCodecTests",
            dependencies: ["Martlet", "MartletTesting"],
            path: "Tests/Unit/Codecs",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletMQTTWireTests",
            dependencies: ["MartletMQTTWire", "MartletTesting"],
            path: "Tests/Unit/MQTTWire",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletOracleTests",
            dependencies: [
                "Martlet", "MartletMQTTWire", "MartletServer", "MartletTesting", "MartletTransport",
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            path: "Tests/Unit/Oracle",
            exclude: ["Statements/MQTT311.md", "Statements/MQTT5.md"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletHostilityTests",
            dependencies: [
                "CMosquitto", "Martlet", "MartletAMQP", "MartletCompression", "MartletMQTT", "MartletMQTTWire",
                "MartletRedis",
                "MartletTesting", "MartletTransport",
            ],
            path: "Tests/Unit/Hostility",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletTransportTests",
            dependencies: [
                "COpenSSL",
                "IntegrationSupport",
                "Martlet",
                "MartletTransport",
                "MartletTesting",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            path: "Tests/Unit/MartletTransport",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletTests",
            dependencies: [
                "Martlet",
                "MartletTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Unit/Martlet",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletSettingsTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletSettings", "MartletTesting"],
            path: "Tests/Unit/Settings",
            swiftSettings: settings
        ),
        // A service in a process of its own: what tests end by force, starve of disk, and ask by its command line. No product.
        .executableTarget(
            name: "service-under-test",
            dependencies: ["Martlet", "MartletHomeAssistant", "MartletMQTT", "MartletService"],
            path: "Tests/Support/Service",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletServiceTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletHomeAssistant", "MartletMQTT", "MartletRelay",
                "MartletService", "MartletSettings", "MartletSQL", "MartletTesting", "playground-services",
                "service-under-test",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Brokers/Service",
            exclude: ["Peers"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletCompressionTests",
            dependencies: ["Martlet", "MartletCompression", "MartletTesting"],
            path: "Tests/Unit/MartletCompression",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletTestingTests",
            dependencies: ["Martlet", "MartletTesting"],
            path: "Tests/Unit/MartletTesting",
            swiftSettings: settings
        ),
        // The simulated worlds of this package's own: a process of their own, as any simulation needs. No product.
        .executableTarget(
            name: "martlet-simulate",
            dependencies: [
                "Martlet",
                "MartletSimulation",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Simulation",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletSimulationTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletSimulation", "MartletTesting", "martlet-simulate",
                "playground-simulation",
            ],
            path: "Tests/Unit/Simulation",
            swiftSettings: settings
        ),
        // What tests against real brokers stand on: the brokers, faults of the network between, certificates. No product.
        .target(name: "IntegrationSupport", path: "Tests/Support/Integration", swiftSettings: settings),
        .testTarget(
            name: "IntegrationSupportTests",
            dependencies: ["IntegrationSupport"],
            path: "Tests/Brokers/Support",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletConformanceTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis", "MartletTesting",
                "ServerSupport",
            ],
            path: "Tests/Brokers/Conformance",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBrokersTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletBrokers", "MartletMQTT", "MartletRedis",
            ],
            path: "Tests/Brokers/URLs",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletMQTTProcessTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletMQTT", "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Brokers/MQTTProcesses",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletMQTTTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletTransport", "MartletMQTT", "MartletTesting",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Brokers/MQTT",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletRedisTests",
            dependencies: [
                "CHiredis", "IntegrationSupport", "Martlet", "MartletTransport", "MartletRedis", "MartletTesting",
            ],
            path: "Tests/Brokers/Redis",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletAMQPTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletTransport", "MartletTesting"],
            path: "Tests/Brokers/AMQP",
            swiftSettings: settings
        ),
        // What the two modules of the bridges' tests share: connections to any kind of broker. No product.
        .target(
            name: "BridgeSupport",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis"],
            path: "Tests/Support/Bridges",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBridgeProcessTests",
            dependencies: [
                "BridgeSupport", "IntegrationSupport", "Martlet", "MartletAMQP", "MartletBrokers", "MartletCommand",
                "MartletMQTT", "MartletRedis", "MartletTesting",
            ],
            path: "Tests/Brokers/BridgeProcesses",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletHostilePeersTests",
            dependencies: ["BridgeSupport", "IntegrationSupport", "Martlet", "MartletTesting"],
            path: "Tests/Brokers/HostilePeers",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBridgeTests",
            dependencies: [
                "BridgeSupport", "IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis",
                "MartletTesting",
            ],
            path: "Tests/Brokers/Bridges",
            swiftSettings: settings
        ),
        // A shop on a database in a process of its own, for tests to kill, to starve and to ask. No product.
        .executableTarget(
            name: "shop-under-test",
            dependencies: ["Martlet", "MartletAMQP", "MartletPostgreSQL", "MartletSQL", "MartletSQLite"],
            path: "Tests/Support/Shop",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletSQLTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletPostgreSQL", "MartletSQL", "MartletSQLite",
                "MartletSettings", "MartletTesting", "playground", "shop-under-test",
            ],
            path: "Tests/Brokers/SQL",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletRelayTests",
            dependencies: [
                "BridgeSupport", "IntegrationSupport", "Martlet", "MartletAMQP", "MartletBrokers", "MartletMQTT",
                "MartletRedis", "MartletRelay", "MartletTesting", "playground",
                command("NIOCore", from: "swift-nio", trait: "Relay"),
                command("NIOHTTP1", from: "swift-nio", trait: "Relay"),
                command("NIOPosix", from: "swift-nio", trait: "Relay"),
            ],
            path: "Tests/Brokers/Relay",
            swiftSettings: settings
        ),
        // What tests share that are done on Martlet's own broker, too. No product.
        .target(
            name: "ServerSupport",
            dependencies: ["IntegrationSupport", "Martlet", "MartletServer"],
            path: "Tests/Support/Server",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletServerTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletCommand", "MartletJWT", "MartletMQTT", "MartletMQTTWire",
                "MartletServer", "MartletTesting",
                command("NIOCore", from: "swift-nio", trait: "Server"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Brokers/Server",
            exclude: ["Peers"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletCommandTests",
            dependencies: [
                "IntegrationSupport",
                "Martlet",
                "MartletBrokers",
                "MartletCommand",
                "MartletConsole",
                "MartletJWT",
                "MartletServer",
                "MartletSettings",
                command("ArgumentParser", from: "swift-argument-parser"),
            ],
            path: "Tests/Brokers/Command",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletInteropTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletCompression", "MartletMQTT", "MartletRedis",
                "MartletTesting", "ServerSupport",
            ],
            path: "Tests/Brokers/Interop",
            exclude: ["Peers"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PlaygroundTests",
            dependencies: ["MartletBrokers", "MartletConsole", "playground"],
            path: "Tests/Unit/Playground",
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// A build of a few targets and of what they stand on, such as the test modules that `Tests/run --module` names.
if let chosen = Context.environment["MARTLET_TARGETS"] {
    let targets = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0) })
    var needed: Set<String> = []
    var open = chosen.split(separator: ",").map(String.init)
    while let name = open.popLast() {
        guard let target = targets[name], needed.insert(name).inserted else { continue }
        for dependency in target.dependencies {
            switch dependency {
            case .byNameItem(let name, _), .targetItem(let name, _): open.append(name)
            default: break
            }
        }
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products.removeAll { product in
        // A program may be called otherwise than its target, and tests start it by that name.
        let targets = (product as? Product.Executable)?.targets ?? [product.name]
        return !targets.allSatisfy { needed.contains($0) }
    }
}

// Who builds anew each time (`Tests/packages.sh`) has what each message passes through optimised, as users have it: the tests
// send millions.
if Context.environment["MARTLET_BUILD"] == "once" {
    let hot = [
        "Martlet", "MartletTransport", "MartletMQTTWire", "MartletMQTT", "MartletAMQP", "MartletRedis",
        "MartletCodecTests",
    ]
    for target in package.targets where hot.contains(target.name) {
        target.swiftSettings?.append(.unsafeFlags(["-O"]))
    }
}
