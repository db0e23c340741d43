// NEST's kernel keeps handles of the modules it loads; nothing else of libltdl is used.
#pragma once

typedef struct lt__handle* lt_dlhandle;
