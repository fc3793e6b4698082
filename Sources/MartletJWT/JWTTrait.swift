#if !JWT
#error("MartletJWT needs the trait JWT of the package martlet, which this build has left out")
#endif
