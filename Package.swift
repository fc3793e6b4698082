// swift-tools-version: 6.3

import PackageDescription

/// What every target is built with: the compiler's strictest reading, so that a data race or a hidden
/// existential is an error here before it is a surprise in a user's program.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletMQTT", targets: ["MartletMQTT"]),
        .library(name: "MartletAMQP", targets: ["MartletAMQP"]),
        .library(name: "MartletRedis", targets: ["MartletRedis"]),
        .library(name: "MartletCompression", targets: ["MartletCompression"]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
        .executable(name: "martlet", targets: ["MartletCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
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
            name: "MartletIO",
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
                "MartletIO",
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
                "MartletIO",
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
                "MartletIO",
                "CRabbitMQ",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
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
        // What the programs of this package share: drawing on a terminal, and a connection to whatever a URL names. No product.
        .target(
            name: "MartletConsole",
            dependencies: ["Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis"],
            swiftSettings: settings
        ),
        // Not called after its product: on a disk that takes `martlet` for `Martlet` the two modules would be one.
        .executableTarget(
            name: "MartletCommand",
            dependencies: [
                "Martlet",
                "MartletConsole",
                "MartletIO",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "playground",
            dependencies: [
                "Martlet",
                "MartletConsole",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Playground",
            exclude: ["Benchmarks", "run"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "IntegrationSupport",
                "Martlet",
                "MartletAMQP",
                "MartletCompression",
                "MartletMQTT",
                "MartletRedis",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        // Pure values, millions of them: a module of its own keeps both cores from those whose time limits run meanwhile.
        .testTarget(name: "MartletCodecTests", dependencies: ["Martlet", "MartletTesting"], swiftSettings: settings),
        .testTarget(
            name: "MartletHostilityTests",
            dependencies: ["Martlet", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletIOTests",
            dependencies: [
                "COpenSSL",
                "IntegrationSupport",
                "Martlet",
                "MartletIO",
                "MartletTesting",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
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
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletCompressionTests",
            dependencies: ["Martlet", "MartletCompression", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletTestingTests",
            dependencies: ["Martlet", "MartletTesting"],
            swiftSettings: settings
        ),
        // What tests against real brokers stand on: the brokers, faults of the network between, certificates. No product.
        .target(name: "IntegrationSupport", path: "Tests/IntegrationSupport", swiftSettings: settings),
        .testTarget(name: "IntegrationSupportTests", dependencies: ["IntegrationSupport"], swiftSettings: settings),
        .testTarget(
            name: "MartletMQTTConformanceTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletMQTT", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletMQTTProcessTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletMQTT"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletMQTTTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletIO", "MartletMQTT", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletRedisTests",
            dependencies: ["CHiredis", "IntegrationSupport", "Martlet", "MartletIO", "MartletRedis", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletAMQPConformanceTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletAMQPTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletIO", "MartletTesting"],
            swiftSettings: settings
        ),
        // What the two modules of the bridges' tests share: connections to any kind of broker. No product.
        .target(
            name: "BridgeSupport",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis"],
            path: "Tests/BridgeSupport",
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBridgeProcessTests",
            dependencies: [
                "BridgeSupport", "IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBridgeTests",
            dependencies: [
                "BridgeSupport", "IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis",
                "MartletTesting",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletCommandTests",
            dependencies: [
                "IntegrationSupport",
                "Martlet",
                "MartletCommand",
                "MartletConsole",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletInteropTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletCompression", "MartletMQTT", "MartletRedis",
            ],
            exclude: ["Peers"],
            swiftSettings: settings
        ),
        .testTarget(name: "PlaygroundTests", dependencies: ["MartletConsole", "playground"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
