#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where the program of this process is.
enum OwnProgram {
    /// Its path, as the system knows it: not the one by which it was called, which may be relative or a link.
    static var path: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? absolute(CommandLine.arguments.first ?? "")
    }

    /// What it is called, to whoever runs it.
    static var name: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "service"
    }

    /// A path from the root on.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
