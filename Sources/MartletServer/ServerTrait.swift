#if !Server
#error("MartletServer needs the trait Server of the package martlet, which this build has left out")
#endif
