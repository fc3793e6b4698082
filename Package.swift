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
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
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
        .executableTarget(
            name: "playground",
            dependencies: [
                "Martlet",
                "MartletAMQP",
                "MartletMQTT",
                "MartletRedis",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Playground",
            exclude: ["run"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "IntegrationSupport",
                "Martlet",
                "MartletAMQP",
                "MartletMQTT",
                "MartletRedis",
                "MartletTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
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
            name: "MartletAMQPTests",
            dependencies: ["IntegrationSupport", "Martlet", "MartletAMQP", "MartletIO", "MartletTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MartletBridgeTests",
            dependencies: [
                "IntegrationSupport", "Martlet", "MartletAMQP", "MartletMQTT", "MartletRedis", "MartletTesting",
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "PlaygroundTests", dependencies: ["playground"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
