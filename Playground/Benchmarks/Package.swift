// swift-tools-version: 6.3

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A program in C on one of the libraries that Martlet stands on.
///
/// - Parameter headers: the target that says where the library's headers are, if that is not where the compiler looks.
func limit(_ name: String, on library: String, _ others: String..., needs headers: String? = nil) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["Peer"] + (headers.map { [.byName(name: $0)] } ?? []),
        linkerSettings: ([library] + others).map { .linkedLibrary($0) }
    )
}

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "martlet", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "Peer"),
        limit("c-mqtt", on: "mosquitto"),
        limit("c-amqp", on: "rabbitmq"),
        limit("c-redis", on: "hiredis", "pthread"),
        // What reads lines as Carbon does, and nothing more.
        .executableTarget(name: "c-carbon", dependencies: ["Peer"]),
        .systemLibrary(name: "PostgreSQL", pkgConfig: "libpq"),
        limit("c-sql", on: "pq", "pthread", needs: "PostgreSQL"),
        .executableTarget(
            name: "martlet-peer",
            dependencies: [
                .product(name: "Martlet", package: "martlet"),
                .product(name: "MartletMQTT", package: "martlet"),
                .product(name: "MartletAMQP", package: "martlet"),
                .product(name: "MartletRedis", package: "martlet"),
                .product(name: "MartletRelay", package: "martlet"),
                .product(name: "MartletServer", package: "martlet"),
                .product(name: "MartletPostgreSQL", package: "martlet"),
                .product(name: "MartletSQL", package: "martlet"),
            ],
            swiftSettings: settings
        ),
        // A link to the one that the tests use: it starts the brokers.
        .target(name: "IntegrationSupport", swiftSettings: settings),
        .executableTarget(
            name: "benchmarks",
            dependencies: [
                "IntegrationSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: [
                "benchmarks",
                "IntegrationSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
    ]
)
