# dispart_core(LINK...) and dispart_component(NAME FOLDER dir LINK...): header-only targets made by glob.
include("${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake")
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")

set(DISPART_INCLUDE_DIR "${PROJECT_SOURCE_DIR}/include")
set(DISPART_COMPONENTS "") # the components that exist here: dispart::<name> each

# A library of these headers, which compile alone (target all_verify_interface_header_sets).
function(dispart_header_library target)
  add_library(${target} INTERFACE)
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${DISPART_INCLUDE_DIR}" FILES ${ARGN})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
endfunction()

# The core: it takes the headers that no component below claims, so it is filled at the end of the directory.
function(dispart_core)
  dispart_find_dependencies(dispart REQUIRED)
  dispart_header_library(dispart)
  add_library(dispart::dispart ALIAS dispart)
  target_compile_features(dispart INTERFACE cxx_std_20)
  target_link_libraries(dispart INTERFACE ${ARGN})
  if(xtensor_VERSION VERSION_LESS 0.26)
    # xtensor 0.24 and clang's P0522 do not agree on which template template argument matches.
    set(clang19 "$<AND:$<CXX_COMPILER_ID:Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,19>>")
    target_compile_options(
      dispart INTERFACE "$<${clang19}:-fno-relaxed-template-template-args;-Wno-deprecated-no-relaxed-template-template-args>")
  endif()
  cmake_language(DEFER CALL dispart_core_headers)
endfunction()

function(dispart_core_headers)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${DISPART_INCLUDE_DIR}/dispart/*.hpp")
  foreach(folder IN LISTS DISPART_COMPONENT_FOLDERS)
    list(FILTER headers EXCLUDE REGEX "/dispart/${folder}/")
  endforeach()
  target_sources(dispart INTERFACE FILE_SET HEADERS FILES ${headers})
endfunction()

# dispart::<name>, when what it links to is there; otherwise it is left out and said so.
function(dispart_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER" "LINK")
  set(DISPART_COMPONENT_FOLDERS ${DISPART_COMPONENT_FOLDERS} ${arg_FOLDER} PARENT_SCOPE)
  dispart_find_dependencies(${name} QUIET)
  foreach(dependency IN LISTS arg_LINK)
    if(NOT TARGET ${dependency})
      message(STATUS "dispart::${name} is left out: ${dependency} was not found")
      return()
    endif()
  endforeach()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${DISPART_INCLUDE_DIR}/dispart/${arg_FOLDER}/*.hpp")
  dispart_header_library(dispart_${name} ${headers})
  add_library(dispart::${name} ALIAS dispart_${name})
  set_target_properties(dispart_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(dispart_${name} INTERFACE dispart ${arg_LINK})
  set(DISPART_COMPONENTS ${DISPART_COMPONENTS} ${name} PARENT_SCOPE)
endfunction()
