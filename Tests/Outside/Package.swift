// swift-tools-version: 6.3

// What somebody writes who has no more of Martlet than its products: a transport, a route, a program. It takes no trait, and
// its tests see that nothing but the core's own packages is fetched.

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "outside",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "martlet", path: "../..", traits: [])],
    targets: [
        .target(
            name: "LineTransport",
            dependencies: [.product(name: "Martlet", package: "martlet")],
            swiftSettings: settings
        ),
        .testTarget(
            name: "OutsideTests",
            dependencies: [
                "LineTransport",
                .product(name: "Martlet", package: "martlet"),
                .product(name: "MartletBrokers", package: "martlet"),
                .product(name: "MartletTesting", package: "martlet"),
            ],
            path: "Tests",
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
