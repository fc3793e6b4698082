import Martlet

@main
struct Playground {
    static func main() async throws {}
}
