# The foreign headers most sources read, parsed once a kind of target (docs/adr/0012): a library of ours, one that
# speaks gRPC, and a test. Sources still include what they use: HEADRACE_PRECOMPILED=OFF, as in `make tidy`, holds them to it.
option(HEADRACE_PRECOMPILED "Parse std, boost/json, gRPC and GoogleTest once a kind of target" ON)

set(HEADRACE_COMMON_HEADERS
    <algorithm> <array> <charconv> <chrono> <cstdint> <cstdlib> <deque> <filesystem> <functional> <limits> <map> <memory>
    <mutex> <optional> <set> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
    <boost/json.hpp> <spdlog/spdlog.h> <tl/expected.hpp>)
# A precompiled header serves only who has its macros: every user takes these, whether it needs them or not.
set(HEADRACE_COMMON_LIBRARIES Boost::json spdlog::spdlog tl::expected Threads::Threads)

# headrace_precompiled(TARGET KIND): TARGET reads KIND's headers (room, rpc or test) from a file made once.
function(headrace_precompiled target kind)
  if(NOT HEADRACE_PRECOMPILED)
    return()
  endif()
  set(carrier headrace_headers_${kind})
  target_link_libraries(${target} PRIVATE ${HEADRACE_COMMON_LIBRARIES})
  target_precompile_headers(${target} REUSE_FROM ${carrier})
endfunction()

function(headrace_precompiled_carrier kind)
  cmake_parse_arguments(PCH "EXECUTABLE" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
  set(carrier headrace_headers_${kind})
  set(source ${CMAKE_BINARY_DIR}/generated/${carrier}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "int main() { return 0; }\n")
  if(PCH_EXECUTABLE)
    add_executable(${carrier} ${source})  # its code is -fPIE, as its users' is
  else()
    add_library(${carrier} STATIC ${source})
  endif()
  target_link_libraries(${carrier} PRIVATE headrace_options ${HEADRACE_COMMON_LIBRARIES} ${PCH_LIBRARIES})
  target_compile_options(${carrier} PRIVATE ${PCH_OPTIONS})
  target_precompile_headers(${carrier} PRIVATE ${HEADRACE_COMMON_HEADERS} ${PCH_HEADERS})
endfunction()

if(HEADRACE_PRECOMPILED)
  headrace_precompiled_carrier(room)
  headrace_precompiled_carrier(rpc HEADERS <grpcpp/grpcpp.h> LIBRARIES gRPC::grpc++)
  headrace_precompiled_carrier(test EXECUTABLE HEADERS <gtest/gtest.h> LIBRARIES GTest::gtest OPTIONS ${HEADRACE_TEST_OPTIONS})
endif()
