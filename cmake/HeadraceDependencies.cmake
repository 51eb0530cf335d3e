# Every foreign library, found once. Rooms name the targets; docs/adr says why each earns its place.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(tl-expected CONFIG REQUIRED)
