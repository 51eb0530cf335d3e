# Every foreign library, found once. Rooms name the targets; docs/adr says why each earns its place.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(GTest REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(tl-expected CONFIG REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)

# common/expr: dates with time zones, regular expressions, jq.
find_package(date CONFIG REQUIRED)
if(NOT TARGET PkgConfig::RE2)
  pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
endif()
find_library(HEADRACE_JQ_LIBRARY jq REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
# common/store: the wire of Redis, and logs at rest.
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
# Its package wants _FILE_OFFSET_BITS=64, which is the rule here anyway; said again it keeps precompiled headers from use.
set_target_properties(PkgConfig::HIREDIS PROPERTIES INTERFACE_COMPILE_OPTIONS "")
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
find_package(CURL 7.85 REQUIRED)
# Its package file asks for what its other parts need.
find_library(HEADRACE_PROMETHEUS_LIBRARY prometheus-cpp-core REQUIRED)
