"""A short story in six languages, long enough for every measure, with no punctuation but that of ASCII."""

PASSAGES = {
    "en": (
        "The old bridge over the river was closed in the spring. Nobody in the village knew why it was closed, and the "
        "mayor did not say. Each morning the children had to walk a long way to the school, and each night they "
        "had to walk the same long way home. In the summer an engineer came from the city to look at the bridge. She "
        "measured the beams, counted the rusty bolts and wrote a long report. The report said that the bridge was "
        "safe but that the road beside it was not. So the village repaired the road, and in the autumn the children "
        "could cross the river again. The mayor gave a short speech and everybody was satisfied with the "
        "administration for a while."
    ),
    "de": (
        "Die alte Brücke über den Fluss wurde im Frühling gesperrt. Niemand im Dorf wusste, warum die Brücke gesperrt "
        "war, und der Bürgermeister sagte nichts. Jeden Morgen mussten die Kinder einen langen Weg zur Schule gehen, "
        "und jeden Abend mussten sie denselben langen Weg nach Hause gehen. Im Sommer kam eine Ingenieurin aus der "
        "Stadt und sah sich die Brücke an. Sie vermass die Balken, zählte die rostigen Schrauben und schrieb einen "
        "sorgfältigen Bericht. Der Bericht sagte, dass die Brücke sicher war, die Strasse daneben aber nicht. Also "
        "reparierte das Dorf die Strasse, und im Herbst konnten die Kinder wieder über den Fluss gehen. Der "
        "Bürgermeister hielt eine kurze Rede, und eine Weile waren alle zufrieden."
    ),
    "tr": (
        "Nehrin üzerindeki eski köprü baharda kapatıldı. Köyde hiç kimse köprünün neden kapatıldığını bilmiyordu ve "
        "muhtar bir şey söylemedi. Her sabah çocuklar okula gitmek için uzun bir yol yürümek zorundaydı ve her akşam "
        "eve dönmek için aynı uzun yolu yürümek zorundaydı. Yazın şehirden bir mühendis geldi ve köprüye baktı. "
        "Kirişleri ölçtü, paslı cıvataları saydı ve dikkatli bir rapor yazdı. Rapor köprünün sağlam olduğunu ama "
        "yanındaki yolun sağlam olmadığını söylüyordu. Bunun üzerine köy yolu onardı ve sonbaharda çocuklar yine "
        "nehri geçebildi. Muhtar kısa bir konuşma yaptı ve herkes bir süre memnun kaldı. Sonra kış geldi ve yol yine "
        "bozuldu ama köprü hep sağlam kaldı. Köyde herkes bir şey söyledi ama kimse yolu onarmak için gelmedi."
    ),
    "uk": (
        "Старий міст через річку закрили навесні. Ніхто в селі не знав, чому міст закрили, а голова нічого не казав. "
        "Щоранку діти мусили йти довгою дорогою до школи, і щовечора вони мусили йти тією самою довгою дорогою додому. "
        "Улітку з міста приїхала інженерка, щоб подивитися на міст. Вона виміряла балки, порахувала іржаві болти і "
        "написала ретельний звіт. У звіті було сказано, що міст надійний, а дорога біля нього ні. Тому село "
        "полагодило дорогу, і восени діти знову могли переходити річку. Голова сказав коротку промову, і всі якийсь "
        "час були задоволені. Потім прийшла зима, і дорога знову стала поганою, а міст стояв, як і раніше. Ніхто в "
        "селі не знав, чому дорога стала поганою, а голова нічого не казав."
    ),
    "ar": (
        "أغلق الجسر القديم فوق النهر في الربيع. لم يعرف أحد في القرية لماذا أغلق الجسر ولم يقل رئيس البلدية شيئا. في "
        "كل صباح كان على الأطفال أن يمشوا طريقا طويلا إلى المدرسة وفي كل مساء كان على الأطفال أن يمشوا الطريق نفسه إلى "
        "البيت. في الصيف جاءت مهندسة من المدينة لكي تنظر إلى الجسر. قاست العوارض وعدت المسامير الصدئة وكتبت تقريرا "
        "دقيقا. قال التقرير إن الجسر سليم لكن الطريق بجانب الجسر ليس سليما. لذلك أصلحت القرية الطريق وفي الخريف عبر "
        "الأطفال النهر من جديد. ألقى رئيس البلدية كلمة قصيرة وكان الجميع راضين لفترة من الوقت. ثم جاء الشتاء وفسد "
        "الطريق من جديد لكن الجسر كان سليما في كل صباح وفي كل مساء. لم يعرف أحد في القرية لماذا فسد الطريق."
    ),
    "zh": (
        "河上的老桥在春天关闭了.村里没有人知道桥为什么关闭,村长什么也没有说.每天早上孩子们要走很长的路去学校,每天晚上"
        "孩子们又要走同样长的路回家.夏天从城里来了一位工程师看这座桥.她量了桥梁,数了生锈的螺丝,写了一份仔细的报告.报告说桥"
        "是安全的,桥边的路不安全.于是村里修了路,秋天孩子们又可以过河了.村长说了几句话,大家都很满意."
    ),
}
