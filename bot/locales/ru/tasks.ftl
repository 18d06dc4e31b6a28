# Загрузки и что с ними происходит.

task-queued = Ждёт своей очереди
task-running = В работе
task-paused = На паузе
task-succeeded = Готово: можно задавать вопросы
task-failed = Не получилось
task-cancelled = Отменено
stage-waiting = сейчас начну
stage-indexing = читаю документы
stage-embedding = разбираю смысл
stage-removing = убираю то, чего больше нет
stage-rebuilding = перестраиваю индекс
stage-sweeping = навожу порядок
stage-finished = заканчиваю
progress-of-total = { $percent } % · { $done } из { $total }
progress-so-far = Уже сделано: { $done }
task-waits = Жду свободного места, продолжу сам.
time-left = Закончу примерно через { $time }
documents-indexed =
    { $count ->
        [one] Прочитан { $count } документ
        [few] Прочитано { $count } документа
       *[many] Прочитано { $count } документов
    }
documents-unchanged =
    { $count ->
        [one] Не изменился { $count } документ
        [few] Не изменились { $count } документа
       *[many] Не изменились { $count } документов
    }
documents-removed =
    { $count ->
        [one] Убран { $count } документ
        [few] Убрано { $count } документа
       *[many] Убрано { $count } документов
    }
files-with-problems =
    { $count ->
        [one] Не удалось прочитать { $count } файл
        [few] Не удалось прочитать { $count } файла
       *[many] Не удалось прочитать { $count } файлов
    }
more-problems =
    { $count ->
        [one] … и ещё { $count } файл
        [few] … и ещё { $count } файла
       *[many] … и ещё { $count } файлов
    }
task-cancel-asked = Останавливаю. Всё, что уже прочитано, сохранится.
task-retry-asked = Пробую ещё раз.
task-failed-inside = Сбой на нашей стороне, с вашим файлом всё в порядке. Попробуйте ещё раз; если не поможет, сообщите администратору.

problem-encrypted = защищён паролем
problem-truncated = обрывается, конца не хватает
problem-corrupt = повреждён
problem-nested-archive = архив внутри архива, сначала распакуйте его
problem-too-deep = слишком много вложенных папок
problem-too-large = слишком большой
problem-too-many-entries = в архиве слишком много файлов
problem-suspicious-ratio = похож на «архивную бомбу»
problem-path-escapes-root = путь ведёт за пределы архива
problem-invalid-path = недопустимое имя
problem-link = это ссылка, а не файл
problem-device-name = устройство или имя, занятое системой
problem-duplicate-path = второй файл с тем же именем, взят первый
problem-binary = это не текст
problem-unsupported-format = такой формат я пока не читаю
problem-unsupported-compression = упакован неизвестным мне способом
problem-unknown-encoding = не удалось определить кодировку
problem-empty = внутри нет текста
problem-parse-failed = не удалось прочитать
problem-nested-too-deep = слишком глубокая вложенность внутри
problem-memory-limit = для распаковки нужно слишком много памяти
problem-too-many-pages = слишком много страниц
problem-timed-out = чтение заняло слишком много времени
problem-reader-crashed = не удалось прочитать содержимое; покажите этот файл администратору
problem-not-found = указан в источнике, но его там нет
problem-access-denied = источник не показывает его нам; проверьте токен
problem-unreachable = источник не отвечает
problem-address-refused = находится в закрытой сети, куда мне нельзя
problem-robots-disallowed = сайт просит роботов его не читать
problem-submodule = репозиторий внутри репозитория; добавьте его как отдельный источник
problem-lfs-pointer = только ссылка на большой файл, который я не скачиваю
problem-removals-held = там вдруг исчезло большинство документов; я храню их, пока это не подтвердят
