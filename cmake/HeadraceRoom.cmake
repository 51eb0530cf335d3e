# headrace_room(NAME n SOURCES … [DEPS …] [PRIVATE_DEPS …] [RPC]): the library of one room; RPC: most of it speaks gRPC.
# headrace_test(NAME n SOURCES … DEPS … [LABELS …]): one GoogleTest program, one ctest entry.
function(headrace_room)
  cmake_parse_arguments(ROOM "RPC" "NAME" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${ROOM_NAME} STATIC ${ROOM_SOURCES})
  target_link_libraries(${ROOM_NAME} PUBLIC headrace_options ${ROOM_DEPS} PRIVATE ${ROOM_PRIVATE_DEPS})
  if(ROOM_RPC)
    headrace_precompiled(${ROOM_NAME} rpc)
  else()
    headrace_precompiled(${ROOM_NAME} room)
  endif()
endfunction()

function(headrace_test)
  cmake_parse_arguments(TEST "" "NAME" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${TEST_NAME} ${TEST_SOURCES})
  target_link_libraries(${TEST_NAME} PRIVATE headrace_options ${TEST_DEPS} GTest::gtest GTest::gtest_main)
  # A test runs for moments and is built often.
  target_compile_options(${TEST_NAME} PRIVATE $<$<CONFIG:Release>:-O1>)
  headrace_precompiled(${TEST_NAME} test)
  add_test(NAME ${TEST_NAME} COMMAND ${TEST_NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${TEST_NAME} PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT 600)
endfunction()
