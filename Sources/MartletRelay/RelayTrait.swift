#if !Relay
#error("MartletRelay needs the trait Relay of the package martlet, which this build has left out")
#endif
