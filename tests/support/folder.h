/* Folders of tests: made new under the system's place for such, removed with all that is in them.
 */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H

enum { SUPPORT_PATH_MAX = 512 };

/** Make an empty folder, mode 0700; aborts the test when it cannot. */
void support_folder(char path[SUPPORT_PATH_MAX]);

/** Write "`folder`/`name`" into `path`; aborts when too long. */
void support_path(const char *folder, const char *name, char path[SUPPORT_PATH_MAX]);

/** Remove a folder and all in it; nothing happens when it is not there. */
void support_remove(const char *folder);

#endif
